package proxy

import (
	"github.com/hashicorp/go-hclog"

	"purser/proxy/client"
)

// rejectLog logs the requests that Purser did not let an app answer, or could not.
type rejectLog struct {
	log hclog.Logger
	ration
}

// refused logs that a connection was closed before any request.
func (r *rejectLog) refused(p *client.Peer, why error) {
	ok, skipped := r.allow()
	if !ok {
		return
	}
	facts := []any{"peer", string(orDash(p.Text)), "why", why}
	r.log.Info("connection refused", skippedBefore(facts, skipped)...)
}
