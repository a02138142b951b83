package proxy

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/client"
	"purser/proxy/sock"
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

// refused logs that a connection was closed before any request.
func (r *rejectLog) refused(p *client.Peer, why error) {
	ok, skipped := r.allow()
	if !ok {
		return
	}
	facts := []any{"peer", string(orDash(p.Text)), "why", why}
	if skipped > 0 {
		facts = append(facts, "not-logged-before", skipped)
	}
	r.log.Info("connection refused", facts...)
}
