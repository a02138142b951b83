package pool

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A canary is a few processes of the new code beside all old ones: none of these goes until it is promoted, and
// all are there when it is taken back. So it needs room, which surge gives.

// A CanaryError says why a restart cannot begin with a canary of that size.
type CanaryError struct{ Size, Old, Surge int }

func (e *CanaryError) Error() string {
	switch {
	case e.Old == 0:
		return "a canary runs beside old processes, but the app has none; restart without a canary"
	case e.Size > e.Old:
		return fmt.Sprintf("a canary of %d is more than there are old processes (%d); ask for %d at most", e.Size, e.Old, e.Old)
	case e.Surge == 0:
		return "a canary needs room beside the old processes, but restart.surge is 0; set it to the size of the canary"
	}
	return fmt.Sprintf("a canary of %d needs as much room beside the old processes, but restart.surge is %d; ask for %d at most, or raise surge",
		e.Size, e.Surge, e.Surge)
}

// canarySize returns how many processes a canary is, of what a restart would replace now.
func (g *groupState) canarySize(a conf.Amount) (int, error) {
	old := g.servers()
	size, surge := max(1, a.Of(old)), g.app.Restart.Surge.Of(g.app.MaxProcesses)
	if size > min(old, surge) {
		return size, &CanaryError{Size: size, Old: old, Surge: surge}
	}
	return size, nil
}

// waits reports whether r has a canary that was not promoted yet.
func (r *restart) waits() bool { return r != nil && r.canary > 0 }

// beside is how many processes of a canary serve beside the old ones.
func (g *groupState) beside() int {
	if r := g.running(); r.waits() && !g.target().bad {
		return g.of(r.generation).ready
	}
	return 0
}

// undelivered is how many processes of a canary are still to be begun.
func (g *groupState) undelivered(r *restart) int {
	n := g.of(r.generation)
	return r.canary - n.ready - n.spawning
}

// endCanary lets the canary of a restart go that is superseded: it replaces nothing, and all old processes are
// there.
func (g *groupState) endCanary(now time.Time, r *restart) {
	if !r.waits() {
		return
	}
	for _, p := range g.procs {
		if p.generation != r.generation {
			continue
		}
		if p.replaces = false; p.state == Ready && g.census().ready > r.had {
			g.retire(now, p, "its canary is superseded")
		}
	}
}

// promote lets a canary's restart go on: now an old process goes for each of the new.
func (g *groupState) promote(now time.Time) (*restart, error) {
	r := g.running()
	if !r.waits() {
		return nil, ErrNoCanary
	}
	r.canary = 0
	g.moves++
	g.step(now, r, "promoted", nil)
	g.os.note(hclog.Info, "canary promoted", "id", r.id, "generation", r.generation.number)
	g.settle(now)
	return r, nil
}
