package pool

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the rules that ask the way of a restart.

// drainAhead lets processes go before their replacements are there: all of them for a blocking
// restart, and for a rolling one as many as may be unavailable.
func (g *groupState) drainAhead(now time.Time) {
	r := g.running()
	switch {
	case r == nil || now.Before(r.quietAt):
	case r.way().clears() && r.generation == g.target():
		for _, p := range g.procs {
			if p.state == Ready && p.generation != r.generation {
				g.retire(now, p, "makes way for another generation")
			}
		}
	case !now.Before(g.target().retryAt):
		for m := g.missable(); m > 0 && g.replaceableAhead(r) && g.census().ready > g.size()-m; {
			g.retire(now, g.dispensable(), "makes room for its replacement")
		}
	}
}

// replaceableAhead reports whether there is something to replace that is to be replaced now.
func (g *groupState) replaceableAhead(r *restart) bool {
	return g.replaceable() > 0 && (!r.waits() || g.target().bad)
}

// blocked reports whether a blocking restart waits for the last old process to be gone.
func (g *groupState) blocked() bool {
	r := g.running()
	if r == nil || !r.way().clears() || r.generation != g.target() {
		return false
	}
	c, ours := g.census(), g.of(r.generation)
	return c.all-c.lost > ours.all-ours.lost
}

// gathering reports whether a blue-green restart has not switched yet.
func (g *groupState) gathering(r *restart) bool {
	return r.way().gathers(r) && r.generation == g.target()
}

func (g *groupState) gatheringFor(n *generation) bool {
	r := g.running()
	return r != nil && r.generation == n && g.gathering(r)
}

// switchOver takes the old processes away, in one step, once enough new ones have booted.
func (g *groupState) switchOver(now time.Time) {
	r := g.running()
	if r == nil || !g.gathering(r) || now.Before(r.quietAt) || g.of(r.generation).booted < r.total {
		return
	}
	r.switched = now
	g.step(now, r, "switched", nil)
	for _, p := range g.procs {
		switch {
		case p.generation == r.generation:
			p.replaces = false // from here on it is one of those that there are
			g.moves++
		case p.state == Ready:
			g.retire(now, p, "replaced by another generation")
		}
	}
}

// heldBack reports whether p, which has booted, is not to be put to work yet: because its restart may
// be joined by more requests, or because a blue-green one has not switched. At the switch the new
// processes wait, for switch_timeout at most, until the old ones have given their last answers: so
// that no visitor sees the old after the new.
func (g *groupState) heldBack(now time.Time, p *Process) bool {
	r := g.restartTo(p.generation)
	switch {
	case r == nil:
		return false
	case now.Before(r.quietAt):
		return true
	case r.state != RestartRunning:
		return false
	}
	return r.way().holds(now, r, g.census().answering > g.of(r.generation).answering, g.app.Restart.SwitchTimeout)
}

func (g *groupState) switchLimit(r *restart) time.Time {
	return r.switched.Add(g.app.Restart.SwitchTimeout)
}

// limit sets how many processes r may have beside the old ones, and how many may be missing. Where
// memory does not allow what the configuration does, it says so.
func (g *groupState) limit(now time.Time, r *restart, m Memory) {
	c := &g.app.Restart
	r.surge, r.unavailable = r.way().limits(r.total, c.Surge.Of(g.app.MaxProcesses), c.Unavailable.Of(r.total))
	r.spare = -1
	if m.Free <= 0 || m.PerProcess <= 0 || r.way().clears() {
		return
	}
	fits := int(min(m.Free/m.PerProcess, int64(maxFits)))
	r.spare = max(0, fits-r.surge)
	if fits < r.surge {
		g.limitTo(now, r, fits, m)
	}
}

// limitTo has r make do with so many processes beside the old ones, or fail.
func (g *groupState) limitTo(now time.Time, r *restart, fits int, m Memory) {
	lack := fmt.Sprintf("%s free, %s per process: there is room for %s, not for %d", size(m.Free), size(m.PerProcess), counted(fits, "extra process", "extra processes"), r.surge)
	surge, unavailable, note, err := r.way().fit(r.total, fits, r.surge, r.unavailable)
	if err != nil {
		r.failure = &Failure{At: now, Generation: r.generation.number, ErrorID: g.errorID(),
			Reason: fmt.Sprintf("%v (%s)%s", err, lack, note)}
		return
	}
	r.surge, r.unavailable = surge, unavailable
	g.stepNote(now, r, "memory", fmt.Sprintf("%s; surge %d, unavailable %d", lack+note, r.surge, r.unavailable))
	g.os.note(hclog.Warn, "restart has little memory", "id", r.id, "free", size(m.Free), "per-process", size(m.PerProcess),
		"surge", r.surge, "unavailable", r.unavailable)
}

// maxFits is more processes than there can be.
const maxFits = 1 << 30

// size is a number of bytes for people.
func size(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
