package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// ResumeFailed is Resume for an app of which it is known that nothing can be started, and why: it has failed from its
// first moment on, whatever its min_processes. Spawn is asked all the same, as after any start that has failed. No front
// of purser goes on with such a group: it is not noted.
func (p *Pool) ResumeFailed(app conf.App, release Release, past Past, why string, spawn SpawnFunc) *Group {
	g := p.resume(app, release, Past{Generation: past.Generation}, spawn)
	g.noting.keep = nil
	p.enter(g, app.MinProcesses)
	g.Fail(why)
	return g
}

// Fail is what was found out since about a group of ResumeFailed.
func (g *Group) Fail(why string) {
	g.do(func(s *groupState, now time.Time) { s.foundFailing(now, why) })
}

// foundFailing follows what was found wrong beside any spawn.
func (g *groupState) foundFailing(now time.Time, why string) {
	n := g.wanted
	n.failed(0, g.failure(now, n.number, why))
	n.pauseUntil(now, firstPause, 0, g.rand)
	g.os.note(hclog.Error, "cannot start the app", "reason", why, "error-id", n.failure.ErrorID, "retry-at", n.retryAt)
	g.settle(now)
}
