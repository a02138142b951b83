package proxy

import (
	"time"

	"github.com/hashicorp/go-hclog"
)

// A slowLog has the requests that took longer than slow_request, and where their time went.
type slowLog struct {
	log hclog.Logger
	ration
}

// slow reports whether the exchange took longer than its app may. What may last for ever says nothing.
func (x *exchange) slow() bool {
	if x.site == nil || x.site.app.SlowRequest == 0 || x.took() <= int64(x.site.app.SlowRequest) {
		return false
	}
	return x.story.status != 101 && !(x.reply.endless && x.story.appStatus != 0)
}

func (l *slowLog) note(x *exchange) {
	ok, skipped := l.allow()
	if !ok {
		return
	}
	s, d, e := &x.story, &x.details, x.story.ended()
	facts := []any{"app", x.site.app.Name, "took", rounded(x.took())}
	if d.passed != 0 {
		facts = append(facts, "receive", rounded(x.receiving()), "queue", rounded(d.queued), "connect", rounded(d.connecting))
	}
	if d.answered != 0 {
		facts = append(facts, "first-byte", rounded(x.answering()), "send", rounded(d.over-d.answered))
	}
	if s.served != nil {
		facts = append(facts, "pid", s.served.Child().PID(), "generation", s.served.Generation())
	}
	facts = append(facts, "status", s.status, "phase", e.in.String(), "ended-by", e.by.String(), "request-id", string(x.origin.requestID()))
	if id := x.traceID(); id != nil {
		facts = append(facts, "trace-id", string(id))
	}
	facts = append(facts, "request", hclog.Quote(firstBytes(x)))
	l.log.Warn("request was slow", skippedBefore(facts, skipped)...)
}

// rounded is a span as people read it.
func rounded(ns int64) time.Duration { return time.Duration(ns).Round(100 * time.Microsecond) }
