package pool

import (
	"slices"
	"time"
)

// snapshotOf copies what a group is now.
func snapshotOf(g *groupState, now time.Time) GroupSnapshot {
	g.look(now)
	c := g.plot(now)
	s := GroupSnapshot{
		Name:         g.app.Name,
		Root:         g.app.Root,
		Kind:         g.app.Kind,
		Choice:       g.app.Found.Choice(g.app.Kind),
		Notes:        g.app.Found.Notes,
		Environment:  g.app.Environment,
		Condition:    c.condition(),
		Paused:       g.paused,
		Hung:         c.hungSnapshot(),
		Generation:   g.wanted.number,
		Release:      g.wanted.release,
		MinProcesses: g.app.MinProcesses,
		MaxProcesses: g.app.MaxProcesses,
		Concurrency:  g.app.Concurrency,
		Processes:    make([]ProcessSnapshot, 0, len(g.procs)),
		Processed:    g.processed,
		Queue:        g.queue.length,
		MaxQueue:     g.app.MaxQueue,
	}
	if g.good != nil {
		s.LastGood = &g.good.release
		s.Overwritten = g.overwritten(g.good)
	}
	for _, p := range g.procs {
		s.Processes = append(s.Processes, p.snapshot())
		s.Processed += p.processed()
	}
	for _, r := range g.roles {
		s.Workers = append(s.Workers, r.snapshot(now))
	}
	s.Failure, s.RetryAt = c.failureNow()
	if r := g.lastRestart(); r != nil {
		last := g.restartSnapshot(r)
		s.Restart = &last
	}
	return s
}

// condition derives what an operator calls the group's state.
func (c *course) condition() Condition {
	_, failure := c.trouble()
	switch {
	case c.closed && c.stopped && c.all == 0 && !c.olderWorkers(nil):
		return Stopped
	case c.closed:
		return Closing
	case c.hung():
		return Hung
	case c.ready > 0 && c.resisting() && c.wanted.standing == takenBack:
		return RolledBack
	case c.ready > 0 && c.resisting():
		return Resisting
	case c.ready > c.newest.ready:
		return Restarting
	case c.ready > 0:
		return Up
	case c.spawning > 0:
		return Starting
	case failure != nil:
		return Failed
	}
	return Resting
}

// trouble is the failure that somebody has to look at, and the generation that has it: that of the wanted one,
// or else of the one that stands in for it. If nothing serves, it is the other way round: whoever reads that the
// newest code was taken back would not learn why the older one does not start.
func (c *course) trouble() (*generation, *Failure) {
	first, then := c.wanted, c.steady
	if c.ready == 0 {
		first, then = then, first
	}
	if first.failure == nil {
		first = then
	}
	return first, first.failure
}

// failureNow is the trouble as it is told, and when the start is tried again.
func (c *course) failureNow() (*Failure, *time.Time) {
	n, why := c.trouble()
	if why == nil {
		return nil, nil
	}
	failure := *why
	if retryAt := n.retryAt; retryAt.After(c.now) {
		return &failure, &retryAt
	}
	return &failure, nil
}

func (p *Process) snapshot() ProcessSnapshot {
	return ProcessSnapshot{
		Number:      p.number,
		PID:         p.pid(),
		State:       p.state.String(),
		Generation:  p.generation.number,
		Release:     p.generation.release.Path,
		Requests:    p.requests,
		Stuck:       len(p.stuck),
		Connections: p.connections,
		Processed:   p.processed(),
		Started:     p.began,
		LastUsed:    p.lastUsed,
	}
}

func (s *roster) restartSnapshot(r *restart) RestartSnapshot {
	t := RestartSnapshot{
		ID:         r.id,
		App:        s.app.Name,
		Generation: r.generation.number,
		Strategy:   r.strategy,
		Reason:     r.reason,
		By:         r.by,
		State:      r.state,
		Canary:     r.canary,
		Replaced:   s.replaced(r),
		Total:      r.total,
		Started:    r.started,
		Release:    r.generation.release,
		Steps:      slices.Clone(r.steps),
	}
	if r.served != nil {
		t.From = &Served{r.served.number, r.served.release}
	}
	if r.waitsForPromotion() {
		t.State = RestartCanary
	}
	if r.state == RestartRunning && !r.probation.IsZero() {
		until := r.probation
		t.Probation = &until
	}
	if r.state != RestartRunning {
		ended := r.ended
		t.Ended = &ended
	}
	if r.failure != nil {
		failure := *r.failure
		t.Failure = &failure
	}
	return t
}
