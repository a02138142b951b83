package pool

import (
	"context"

	"purser/conf"
)

// Close turns new requests away, lets running ones end and stops every process. What is left when ctx ends
// is killed, and that is an error. It returns when the last is gone. The group stays in its pool, so that
// what happened to it can be asked for, until it is removed. A group that has yielded is not closed: ErrYielded.
func (g *Group) Close(ctx context.Context) error {
	if g.hasYielded() {
		return ErrYielded
	}
	return g.close(ctx, (*groupState).close)
}

// Stop is Close for one app alone, while purser goes on: requests are told that it was stopped, and so is who
// asks for its condition.
func (g *Group) Stop(ctx context.Context) error {
	if g.hasYielded() {
		return ErrYielded
	}
	g.cap.reserve(g, 0)
	g.cap.kick() // others may have what was kept for it
	return g.close(ctx, (*groupState).endAlone)
}

// ResumeStopped is Resume for an app that an operator has stopped: nothing is spawned.
func (p *Pool) ResumeStopped(app conf.App, release Release, past Past) *Group {
	g := p.resume(app, release, past, nil)
	p.enter(g, 0)
	_ = g.Stop(context.Background()) // there is nothing that could last
	return g
}

// Remove forgets a group that was closed. An app of its name may be added again, and what was kept for the
// group is there for others.
func (p *Pool) Remove(g *Group) {
	p.mu.Lock()
	if p.groups[g.Name()] == g {
		delete(p.groups, g.Name())
	}
	p.slots.reserve(g, 0)
	delete(p.slots.accounts, g)
	p.mu.Unlock()
	p.kick()
	if g.noting.keep != nil {
		g.noting.keep(g.name, Note{})
	}
}
