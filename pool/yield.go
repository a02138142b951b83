package pool

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// This file is how a pool gives itself up for another front, which is to own it, and goes on borrowing.

// ErrYielded is what an operator is told who asks a front that has yielded.
var ErrYielded = errors.New("another front of purser has taken over: ask that")

// Yield has all groups decide nothing from now on: no process is spawned, asked to exit or killed, no restart takes a
// step, and nothing more is noted. What had been decided is noted and done when it returns, so that the next owner can
// Adopt from the last notes. What is being spawned is given up: the next owner spawns it anew.
//
// Requests go on as before. What they have been lent they keep; what they want besides they wait for until there is an
// owner (see BorrowFrom), for as long as the app's queue_timeout has it.
//
// Children that have a method Yield() are told: their Wait is to return soon after, with any error. Yield waits for that,
// and for the spawns, until ctx ends.
func (p *Pool) Yield(ctx context.Context) error {
	groups := p.Groups()
	var all sync.WaitGroup
	for _, g := range groups {
		all.Go(g.yield)
	}
	all.Wait()
	p.forgetWaiting()
	done := make(chan struct{})
	go awaitYielded(groups, done)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// awaitYielded waits until nothing of the groups waits for children. It ends with the last child at the latest.
func awaitYielded(groups []*Group, done chan<- struct{}) {
	for _, g := range groups {
		g.children.Wait()
	}
	close(done)
}

// forgetWaiting has nobody wait for room any more.
func (p *Pool) forgetWaiting() {
	p.mu.Lock()
	p.slots.waiting = nil
	p.mu.Unlock()
	p.background.Wait()
}

// yield returns when what the group has decided is noted and done.
func (g *Group) yield() {
	g.do((*groupState).yield)
	g.awaitNoted()
	g.mu.Lock()
	g.noting.keep = nil
	children := make([]Child, 0, len(g.state.procs))
	for _, p := range slices.Concat(g.state.procs, g.state.workers()) {
		if p.child != nil {
			children = append(children, p.child)
		}
	}
	g.mu.Unlock()
	for _, child := range children {
		yieldChild(child)
	}
}

func yieldChild(c Child) {
	if y, ok := c.(interface{ Yield() }); ok {
		y.Yield()
	}
}

// hasYielded reports whether another front owns the group.
func (g *Group) hasYielded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.borrows != nil
}

// endYielded ends what goes on in a group that has yielded: what waits is refused.
func (g *Group) endYielded() {
	g.do(func(s *groupState, _ time.Time) { s.borrows.close() })
	g.stopTime()
	g.clock.Wait()
}
