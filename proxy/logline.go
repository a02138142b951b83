package proxy

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/wire"
)

// A logLine is the memory to write a line in.
type logLine struct{ b []byte }

var logLines = sync.Pool{New: func() any { return &logLine{make([]byte, 0, 512)} }}

// record writes the exchange's line.
func (l *accessLog) record(x *exchange) {
	if l.take == nil || x.story.status == 0 {
		return
	}
	line := logLines.Get().(*logLine)
	if l.json {
		line.b = appendJSONLine(line.b[:0], x)
	} else {
		line.b = appendCombined(line.b[:0], x)
	}
	l.take(line.b)
	logLines.Put(line)
}

// appendCombined appends a line in the combined log format.
func appendCombined(b []byte, x *exchange) []byte {
	b = appendEscaped(b, orDash(x.origin.client()))
	b = append(b, " - - ["...)
	b = append(b, x.clock.Stamp().Log...)
	b = append(b, `] "`...)
	if len(x.req.Target) > 0 {
		b = appendEscaped(b, x.req.Method)
		b = append(b, ' ')
		b = appendEscaped(b, x.req.Target)
		b = appendProtocol(append(b, ' '), x)
	} else {
		b = append(b, '-')
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(x.story.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.story.sent, 10)
	var referer, agent []byte
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; f.ID {
		case wire.Referer:
			referer = f.Value
		case wire.UserAgent:
			agent = f.Value
		}
	}
	b = append(b, ` "`...)
	b = appendEscaped(b, orDash(referer))
	b = append(b, `" "`...)
	b = appendEscaped(b, orDash(agent))
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
func appendEscaped(b, text []byte) []byte {
	const digits = "0123456789ABCDEF"
	plain := 0 // where what needs no escape begins
	for i, c := range text {
		if needsEscape[c] {
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

// appendJSONLine appends a line as a JSON object; times are in milliseconds.
func appendJSONLine(b []byte, x *exchange) []byte {
	now := x.clock.Exact()
	b = append(b, `{"time":"`...)
	b = x.clock.Wall(now).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","remote":`...)
	b = appendJSON(b, x.origin.client())
	b = appendMember(b, "request_id", x.origin.requestID())
	b = appendMember(b, "method", x.req.Method)
	b = appendMember(b, "host", x.req.Host)
	b = appendMember(b, "target", x.req.Target)
	if len(x.req.Target) > 0 {
		b = append(appendProtocol(append(b, `,"protocol":"`...), x), '"')
	}
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(x.story.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, x.story.sent, 10)
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, float64(now-x.call.Began())/1e6, 'f', 3, 64)
	b = append(b, `,"queue_ms":`...)
	b = strconv.AppendFloat(b, float64(x.story.queued)/1e6, 'f', 3, 64)
	if tls := x.origin.peer.TLS; tls != nil {
		b = appendMember(b, "tls_protocol", tls.Version)
		b = appendMember(b, "tls_cipher", tls.Cipher)
	}
	if x.site != nil {
		b = appendMember(b, "app", x.site.app.Name)
	}
	if x.story.served != nil {
		b = append(b, `,"pid":`...)
		b = strconv.AppendInt(b, int64(x.story.served.Child().PID()), 10)
		b = append(b, `,"generation":`...)
		b = strconv.AppendInt(b, int64(x.story.served.Generation()), 10)
	}
	if x.story.cached != notAsked {
		b = appendMember(b, "cached", x.story.cached.String())
	}
	if x.story.reason != "" {
		b = appendMember(b, "error", x.story.reason)
	}
	b = appendMember(b, "referer", x.req.Get(wire.Referer))
	b = appendMember(b, "user_agent", x.req.Get(wire.UserAgent))
	return append(b, '}', '\n')
}

func appendMember[T []byte | string](b []byte, name string, value T) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendJSON(b, value)
}

// appendJSON appends a JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD. What is
// not printed is escaped, too, for those who read logs: to a terminal or an editor it may be the end of a
// line, a command, or a change of direction.
func appendJSON[T []byte | string](b []byte, text T) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for s := string(text); len(s) > 0; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case !unicode.IsPrint(r):
			for _, u := range utf16.AppendRune(nil, r) {
				b = append(b, '\\', 'u', digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15])
			}
		default:
			b = utf8.AppendRune(b, r)
		}
		s = s[n:]
	}
	return append(b, '"')
}

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
		facts = append(facts, "status", x.story.status, "reason", x.story.reason, "request-id", string(x.origin.requestID()))
	}
	if x.site != nil {
		facts = append(facts, "app", x.site.app.Name)
	}
	if x.story.served != nil {
		facts = append(facts, "pid", x.story.served.Child().PID())
	}
	facts = append(facts, "request", hclog.Quote(firstBytes(x)))
	if skipped > 0 {
		facts = append(facts, "not-logged-before", skipped)
	}
	r.log.Info("request not served", facts...)
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
