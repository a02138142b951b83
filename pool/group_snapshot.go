package pool

import (
	"slices"
	"time"
)

// snapshot copies what the group is now.
func (g *groupState) snapshot(now time.Time) GroupSnapshot {
	g.look(now)
	s := GroupSnapshot{
		Name:         g.app.Name,
		Root:         g.app.Root,
		Kind:         g.app.Kind,
		Environment:  g.app.Environment,
		Condition:    g.condition(now),
		Hung:         g.hungSnapshot(now),
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
	s.Failure, s.RetryAt = g.trouble(now)
	if r := g.lastRestart(); r != nil {
		last := g.restartSnapshot(r)
		s.Restart = &last
	}
	return s
}

// condition derives what an operator calls the group's state.
func (g *groupState) condition(now time.Time) Condition {
	failure, _ := g.trouble(now)
	switch ready := g.census().ready; {
	case g.closed:
		return Closing
	case g.hung(now):
		return Hung
	case ready > 0 && g.resisting() && g.wanted.byHand:
		return RolledBack
	case ready > 0 && g.resisting():
		return Resisting
	case ready > g.of(g.wanted).ready:
		return Restarting
	case ready > 0:
		return Up
	case g.census().spawning > 0:
		return Starting
	case failure != nil:
		return Failed
	}
	return Resting
}

// trouble returns why the wanted generation does not start, or else the one that stands in for it,
// and when it is tried again.
func (g *groupState) trouble(now time.Time) (*Failure, *time.Time) {
	for _, n := range []*generation{g.wanted, g.steady()} {
		if n.failure == nil {
			continue
		}
		failure := *n.failure
		if retryAt := n.retryAt; retryAt.After(now) {
			return &failure, &retryAt
		}
		return &failure, nil
	}
	return nil, nil
}

func (p *Process) snapshot() ProcessSnapshot {
	return ProcessSnapshot{
		Number:      p.number,
		PID:         p.pid(),
		State:       p.state.String(),
		Generation:  p.generation.number,
		Release:     p.generation.release.Path,
		Requests:    p.requests,
		Connections: p.connections,
		Stuck:       len(p.stuck),
		Processed:   p.processed(),
		Started:     p.began,
		LastUsed:    p.lastUsed,
	}
}

func (g *groupState) restartSnapshot(r *restart) RestartSnapshot {
	s := RestartSnapshot{
		ID:         r.id,
		App:        g.app.Name,
		Generation: r.generation.number,
		Strategy:   r.strategy,
		Reason:     r.reason,
		State:      r.state,
		Canary:     r.canary,
		Replaced:   g.replaced(r),
		Total:      r.total,
		Started:    r.started,
		Release:    r.generation.release,
		Steps:      slices.Clone(r.steps),
	}
	if g.waitsForPromotion(r) {
		s.State = RestartCanary
	}
	if r.state == RestartRunning && !r.probation.IsZero() {
		until := r.probation
		s.Probation = &until
	}
	if r.state != RestartRunning {
		ended := r.ended
		s.Ended = &ended
	}
	if r.failure != nil {
		failure := *r.failure
		s.Failure = &failure
	}
	return s
}
