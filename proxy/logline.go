package proxy

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/wire"
)

// appendCombined appends a line in the combined log format.
func appendCombined(b []byte, x *exchange) []byte {
	var user, referer, agent []byte
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; f.ID {
		case wire.Authorization:
			user = userIn(f.Value)
		case wire.Referer:
			referer = f.Value
		case wire.UserAgent:
			agent = f.Value
		}
	}
	b = appendEscaped(b, orDash(x.origin.client()), &needsEscape)
	b = append(b, " - "...)
	b = appendEscaped(b, orDash(user), betweenSpaces)
	b = append(b, " ["...)
	b = append(b, x.clock.Stamp().Log...)
	b = append(b, `] "`...)
	if len(x.req.Target) > 0 {
		b = appendEscaped(b, x.req.Method, &needsEscape)
		b = append(b, ' ')
		b = appendEscaped(b, x.req.Target, &needsEscape)
		b = appendProtocol(append(b, ' '), x)
	} else {
		b = append(b, '-')
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(x.story.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.story.sent, 10)
	b = append(b, ` "`...)
	b = appendEscaped(b, orDash(referer), &needsEscape)
	b = append(b, `" "`...)
	b = appendEscaped(b, orDash(agent), &needsEscape)
	return append(b, '"', '\n')
}

// appendProtocol appends the version of HTTP that the client speaks.
func appendProtocol(b []byte, x *exchange) []byte {
	if x.req.HTTP2 {
		return append(b, "HTTP/2.0"...)
	}
	return strconv.AppendInt(append(b, "HTTP/1."...), int64(x.req.Minor), 10)
}

func orDash(b []byte) []byte {
	if len(b) == 0 {
		return []byte("-")
	}
	return b
}

// appendEscaped appends text from a stranger so that it can end neither its quotes nor its line. A copy
// of it for each field of a line would only fill the instruction cache.
//
//go:noinline
func appendEscaped(b, text []byte, needs *[256]bool) []byte {
	const digits = "0123456789ABCDEF"
	plain := 0 // where what needs no escape begins
	for i, c := range text {
		if needs[c] {
			b = append(append(b, text[plain:i]...), '\\', 'x', digits[c>>4], digits[c&15])
			plain = i + 1
		}
	}
	return append(b, text[plain:]...)
}

var needsEscape = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c >= 0x7f || c == '"' || c == '\\'
	}
	return t
}()

// shown is how much of a refused request the log shows, escaped.
const shown = 256

// note logs why the request was not served as it should have been.
func (r *rejectLog) note(x *exchange, why string) {
	ok, skipped := r.allow()
	if !ok {
		return
	}
	facts := []any{"peer", string(orDash(x.origin.peer.Text)), "why", why}
	if x.story.reason != "" {
		facts = append(facts, "status", x.story.status, "reason", x.story.reason)
	}
	facts = append(facts, "request-id", string(x.origin.requestID()))
	if x.site != nil {
		facts = append(facts, "app", x.site.app.Name)
	}
	if x.story.served != nil {
		facts = append(facts, "pid", x.story.served.Child().PID())
	}
	if client := x.origin.client(); !bytes.Equal(client, x.origin.peer.Text) { // by which rules go
		facts = append(facts, "client", string(client))
	}
	facts = append(facts, "request", hclog.Quote(firstBytes(x)))
	r.log.Info("request not served", skippedBefore(facts, skipped)...)
}

// firstBytes returns the beginning of the request: the first line only, because header fields and bodies
// hold secrets, and of that nothing that does.
func firstBytes(x *exchange) []byte {
	b := x.call.Seen()
	if len(x.req.Target) > 0 {
		b = slices.Concat(x.req.Method, []byte{' '}, x.req.Path)
	}
	return wire.FirstLine(withoutSecrets(b), shown)
}

// withoutSecrets returns a line that is perhaps a request line without its query, and without the name and
// password of a user in its target.
func withoutSecrets(b []byte) []byte {
	line, _, _ := bytes.Cut(wire.FirstLine(b, len(b)), []byte{'?'})
	before, rest, absolute := bytes.Cut(line, []byte("://"))
	if !absolute {
		return line
	}
	authority, _, _ := bytes.Cut(rest, []byte{'/'})
	user := bytes.LastIndexByte(authority, '@') + 1
	return slices.Concat(before, []byte("://"), rest[user:])
}
