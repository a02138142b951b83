package proxy

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// rejectsPerSecond is how many refused or failed requests are logged in a second; the others are
// counted. A stranger must not be able to fill the log.
const rejectsPerSecond = 20

// rejectLog logs the requests that Purser did not let an app answer, or could not.
type rejectLog struct {
	log     hclog.Logger
	clock   *sock.Clock
	second  atomic.Int64
	logged  atomic.Int64
	skipped atomic.Int64
}

// allow reports whether one more line may be written this second, and how many were left out before.
func (r *rejectLog) allow() (bool, int64) {
	second := r.clock.Exact() / int64(time.Second)
	if r.second.Swap(second) != second {
		r.logged.Store(0)
	}
	if r.logged.Add(1) > rejectsPerSecond {
		r.skipped.Add(1)
		return false, 0
	}
	return true, r.skipped.Swap(0)
}

// shown is how much of a refused request the log shows, escaped.
const shown = 256

// note logs why the request was not served as it should have been.
func (x *exchange) note(why string) {
	r := x.srv.rejects
	ok, skipped := r.allow()
	if !ok {
		return
	}
	facts := []any{"peer", string(orDash(x.peer.Text)), "why", why}
	if x.story.reason != "" {
		facts = append(facts, "status", x.story.status, "reason", x.story.reason, "request-id", string(x.requestID()))
	}
	if x.site != nil {
		facts = append(facts, "app", x.site.app.Name)
	}
	if x.story.served != nil {
		facts = append(facts, "pid", x.story.served.Child().PID())
	}
	facts = append(facts, "request", hclog.Quote(x.firstBytes()))
	if skipped > 0 {
		facts = append(facts, "not-logged-before", skipped)
	}
	r.log.Info("request not served", facts...)
}

// firstBytes returns the beginning of the request: the first line only, because header fields and bodies
// hold secrets, and of that nothing that does.
func (x *exchange) firstBytes() []byte {
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
