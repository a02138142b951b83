// Package pool decides which process serves a request, and which processes there should be.
//
// A Pool has one Group per app. A Group lends its processes to requests, queues requests while it
// has none to lend, and starts, drains and stops processes so that there are as many as needed of
// the generation that is wanted. It does not know how a process is started: it is given a SpawnFunc.
//
// All deciding is in groupState, which is plain data: whatever happens is a method of it that records
// a fact and settles, and settle looks at what is alive and makes the next moves. A rolling restart
// is nothing but a new wanted generation. What always holds: a process serves only after its spawn
// has succeeded, for the generation that it was spawned for; nothing new is sent to one that drains;
// while processes are replaced at least min_processes are ready, unless some crash, and never more
// than max_processes and the surge are alive; and a restart is done when no older process lives.
//
// If purser is killed, the next one goes on: what a group decides is noted before it is done (Pool.NoteTo), and a
// group is made anew from its last note and the children that live (Pool.Adopt).
package pool

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A Pool is the groups of all apps. New makes it; Close ends it.
type Pool struct {
	log     hclog.Logger
	boots   *boots[*Group]
	journal journal

	// mu guards what follows. It is the innermost lock: no group is called with it held.
	mu     sync.Mutex
	groups map[string]*Group
	slots  slots[*Group]
	keep   NoteFunc // nil = nobody wants notes
	asking bool     // makeRoom runs

	ask        chan struct{}  // holds one: makeRoom is to ask at once
	background sync.WaitGroup // makeRoom
}

// New returns a pool without groups. maxProcesses is how many processes may be alive over all
// groups, 0 for any number; a restart may exceed it by its surge. maxSpawns is how many may be
// starting at once, 0 for as many as there are processors.
func New(maxProcesses, maxSpawns int, log hclog.Logger) *Pool {
	return &Pool{
		log:    log.Named("pool"),
		boots:  newBoots[*Group](cmp.Or(maxSpawns, runtime.NumCPU())),
		groups: make(map[string]*Group),
		slots:  newSlots[*Group](maxProcesses),
		ask:    make(chan struct{}, 1),
	}
}

// Add makes a group for an app, which begins to hold min_processes of release at once. The kind and
// the concurrency of app must be resolved. An app can be added once, and not after Close.
func (p *Pool) Add(app conf.App, release Release, spawn SpawnFunc) *Group {
	return p.Resume(app, release, Past{}, spawn)
}

// Resume is Add for an app that had a group before, in this purser or another. If the past knows of a release
// that was taken back, release is the good one.
func (p *Pool) Resume(app conf.App, release Release, past Past, spawn SpawnFunc) *Group {
	g := p.resume(app, release, past, spawn)
	p.enter(g, app.MinProcesses)
	g.do((*groupState).settle) // what comes of it may be asked about at once
	return g
}

func (p *Pool) resume(app conf.App, release Release, past Past, spawn SpawnFunc) *Group {
	g := p.newGroup(app, release, spawn)
	g.state.resume(past, g.state.failure(time.Now(), 0, past.reason()))
	return g
}

// newGroup makes a group of the pool that is not in it yet.
func (p *Pool) newGroup(app conf.App, release Release, spawn SpawnFunc) *Group {
	if app.Concurrency == 0 || app.MaxProcesses < 1 {
		panic("BUG: app " + app.Name + " has no concurrency, or no processes")
	}
	if p.Group(app.Name) != nil {
		panic("BUG: app " + app.Name + " is added twice")
	}
	g := newGroup(app, release, spawn, p.log)
	g.boots, g.journal, g.cap = p.boots, &p.journal, p
	p.mu.Lock()
	defer p.mu.Unlock()
	g.noting.keep = p.keep
	return g
}

// enter puts a group into the pool, with so many slots kept for it.
func (p *Pool) enter(g *Group, least int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[g.name] = g
	p.slots.reserve(g, least)
}

// Group returns the group of an app, or nil.
func (p *Pool) Group(name string) *Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groups[name]
}

// Groups returns all groups by their names.
func (p *Pool) Groups() []*Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.groups), func(a, b *Group) int { return strings.Compare(a.Name(), b.Name()) })
}

// Events returns what happened after the event with that number, of all apps, oldest first; how much
// of it is no longer remembered, because it is long past; and what is closed when there is more.
func (p *Pool) Events(after uint64) (events []Event, lost uint64, more <-chan struct{}) {
	return p.journal.after(after)
}

// Restart returns how a restart of any app stands. The group is nil if nobody remembers it; each
// app's last 20 are remembered.
func (p *Pool) Restart(id string) (RestartSnapshot, *Group) {
	for _, g := range p.Groups() {
		if s, _, ok := g.look(id); ok {
			return s, g
		}
	}
	return RestartSnapshot{}, nil
}

// Close turns requests away, lets those in flight end, and stops every process; what lives when ctx
// ends is killed. It returns when nothing is left, with an error if something had to be killed. A pool that has
// yielded refuses what waits, and leaves the processes alone.
func (p *Pool) Close(ctx context.Context) error {
	groups := p.Groups()
	errs := make([]error, len(groups))
	var all sync.WaitGroup
	for i, g := range groups {
		all.Go(func() { errs[i] = g.close(ctx, (*groupState).close) })
	}
	all.Wait()
	p.background.Wait() // nobody waits for room any more
	return errors.Join(errs...)
}

// Limit changes how many processes may be alive over all groups, and starting at once, as New has it.
func (p *Pool) Limit(maxProcesses, maxSpawns int) {
	p.mu.Lock()
	p.slots.limit = maxProcesses
	p.mu.Unlock()
	p.boots.setLimit(cmp.Or(maxSpawns, runtime.NumCPU()))
	p.kick()
}

func (p *Pool) reserve(g *Group, least int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots.reserve(g, least)
}

func (p *Pool) claim(g *Group, n need, surge int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots.claim(g, n, surge)
}

func (p *Pool) release(g *Group) (matters bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots.release(g)
}

func (p *Pool) wait(g *Group, n need, promised bool) (matters bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	matters = p.slots.wait(g, n, promised)
	if p.slots.wanting() {
		p.askForRoom()
	}
	return matters
}

func (p *Pool) surplus(g *Group) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots.accounts[g].surplus
}

func (p *Pool) leave(g *Group) (matters bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots.leave(g)
}

// kick lets the groups that wait for a slot, and for which there is one, look again in the order in which they
// came. For the rest the others are asked anew.
func (p *Pool) kick() {
	p.mu.Lock()
	takers := p.slots.takers()
	if p.slots.wanting() {
		p.askForRoom()
	}
	p.mu.Unlock()
	for _, g := range takers {
		g.do((*groupState).settle)
	}
}

// askForRoom has groups make room for those that wait, again and again as long as some do. It is called
// with mu held.
func (p *Pool) askForRoom() {
	if p.asking {
		select {
		case p.ask <- struct{}{}:
		default: // it will ask anyhow
		}
		return
	}
	p.asking = true
	p.background.Go(p.makeRoom)
}

func (p *Pool) makeRoom() {
	tick := time.NewTicker(roomTick)
	defer tick.Stop()
	for p.makeDeals() {
		select {
		case <-tick.C:
		case <-p.ask:
		}
	}
}

// makeDeals asks once, of all groups at once, and reports whether it is to be asked again.
func (p *Pool) makeDeals() (again bool) {
	var offers []offer[*Group]
	for _, g := range p.Groups() {
		if idle, load, ok := g.offer(); ok {
			offers = append(offers, offer[*Group]{g, idle, load})
		}
	}
	p.mu.Lock()
	deals := p.slots.deals(offers)
	p.mu.Unlock()
	for _, d := range deals {
		if !d.from.makeWay(d.need) {
			p.mu.Lock()
			p.slots.broken(d)
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = len(p.slots.waiting) > 0
	return p.asking
}
