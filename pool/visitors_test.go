package pool

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the visitors of the simulated world, and its operators.

// A visitor is one request that waits.
type visitor struct {
	waiter
	ticket  int
	answers int
	left    bool
	has     bool // took what it was answered
}

// visit is a request, as Group.Acquire plays it.
func (g *simGroup) visit() {
	if p := g.state.lend(); p != nil {
		g.world.what = g.state.app.Name + ": lend"
		g.world.tell("%s: lends process %d", g.state.app.Name, p.number)
		g.checkLent(p)
		g.serve(p)
		return
	}
	g.tickets++
	v := &visitor{ticket: g.tickets}
	g.open++
	full := g.state.queueFull()
	g.event(fmt.Sprintf("visitor %d queues", v.ticket), func(now time.Time) {
		visitors[&v.waiter] = nil
		g.waiting(v)
		if err := g.state.acquire(now, &v.waiter); err != nil {
			if full != errors.Is(err, ErrQueueFull) {
				g.world.fail("QueueFull said %v, but a request got %v", full, err)
			}
			v.answers++
			g.open--
		}
	})
}
