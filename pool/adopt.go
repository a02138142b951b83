package pool

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// This file is how a group goes on where one was whose purser was killed.

// A FindFunc returns the child that was started for an order by the purser before, as long as anything of it lives or
// it is known how it has ended; else nil. It is asked once for each process of a note. Ready says that the child had
// proven to be what was ordered. One that had not is killed: of that no more is needed than PID, Kill and Wait.
type FindFunc func(o Order, ready bool) Child

// Adopt makes a group that goes on where the one was whose last note this is: what was ready serves at once, a
// restart goes on and ends as what it is, and processes, generations and restarts are counted on. A process that was
// being spawned is killed and spawned anew, which counts as no failure. App is the configuration as it is now.
//
// Nothing happens to the group, and nobody may be told of it, before GoOn: all groups of the pool that are there must
// have been adopted before, so that none takes the room of what others have, and what fronts have borrowed that have
// yielded must have been declared (see LendTo). What the purser before has started and
// FindFunc was not asked for is to be killed.
func (p *Pool) Adopt(app conf.App, note Note, find FindFunc, spawn SpawnFunc) *Group {
	wanted := note.Generations[note.Wanted-1]
	g := p.newGroup(app, wanted.Release, spawn)
	g.adopt(note, find)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[app.Name] = g
	p.slots.reserve(g, note.least(&app))
	processes, surplus := note.places(&g.state)
	p.slots.adopt(g, processes, surplus)
	return g
}

// least is how many processes the app is held: none if it was stopped.
func (n *Note) least(app *conf.App) int {
	if n.Stopped {
		return 0
	}
	return app.MinProcesses
}

// places are the slots that a group has which was made of the note, and how many of its processes are surplus: fewer
// by as many as have ended.
func (n *Note) places(g *groupState) (processes, surplus int) {
	noted := 0
	for _, p := range n.Processes {
		if !p.outside {
			noted++
		}
	}
	processes = len(g.procs) - g.outside
	return processes, n.Surplus - (noted - processes)
}

// adopt makes the state of a new group that of a note.
func (g *Group) adopt(note Note, find FindFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	note.restore(&g.state, time.Now(), func(p *Process, ready bool) Child {
		g.prepare(p)
		child := find(g.orderOf(p), ready)
		if child != nil && p.asked.Load() {
			p.leaves()
		}
		return child
	})
	g.state.held = true
	g.adopted = slices.Concat(g.state.procs, g.state.workers())
}

// GoOn has a group that was adopted do what is to be done by now.
func (g *Group) GoOn() {
	g.mu.Lock()
	for _, p := range g.adopted {
		g.children.Go(func() { g.attend(p, p.child, nil) })
	}
	g.adopted, g.state.held = nil, false
	g.mu.Unlock()
	g.do((*groupState).settle)
}

// restore makes the state of a new group that of the note. Find returns what lives of a process.
func (n *Note) restore(g *groupState, now time.Time, find func(p *Process, ready bool) Child) {
	all := n.restoreGenerations()
	at := func(r ref) *generation {
		if r == 0 {
			return nil
		}
		return all[r-1]
	}
	g.wanted, g.good, g.past = at(n.Wanted), at(n.Good), nil
	for _, older := range n.Past {
		g.past = append(g.past, at(older))
	}
	g.keepUntil, g.withdrawn, g.spare = n.KeepUntil, n.Withdrawn, n.Spare
	g.spawned, g.processed, g.closed, g.stopped, g.impatient = n.Spawned, n.Processed, n.Closed, n.Stopped, n.Impatient
	g.paused = n.Paused
	g.fitLendable()
	for i := range n.Restarts {
		g.restarts = append(g.restarts, n.Restarts[i].restore(at))
	}
	if r := g.running(); r != nil {
		r.fit(&g.app)
	}
	if n.Next != nil {
		g.next = &followUp{n.Next.Request, n.Next.Record.restore(at)}
	}
	for i := range n.Processes {
		p := n.Processes[i].restore(n.At, now, at)
		p.index = indexOf(n.Indexes, i, p, g.procs)
		g.takeOver(now, p, &n.Processes[i], find)
	}
	n.restoreRoles(g, now, at, find)
}

func (n *Note) restoreGenerations() []*generation {
	all := make([]*generation, len(n.Generations))
	for i := range all {
		all[i] = &generation{}
	}
	for i, noted := range n.Generations {
		if noted == nil {
			continue // nothing is of it
		}
		*all[i] = generation{number: noted.Number, release: noted.Release, config: noted.Config,
			standing: standing(slices.Index(standings[:], noted.Standing)), insisted: noted.Insisted, served: noted.Served,
			tally: tally{noted.Answered, noted.Erred}, crashes: noted.Crashes, failures: noted.Failures, failure: noted.Failure, retryAt: noted.RetryAt}
		if noted.Code > 0 {
			all[i].code = all[noted.Code-1]
		}
	}
	return all
}

func (n *notedRestart) restore(at func(ref) *generation) *restart {
	return &restart{id: n.ID, generation: at(n.Generation), from: at(n.From), served: at(n.Served),
		strategy: n.Strategy, asked: n.Asked, reason: n.Reason, by: n.By,
		had: n.Had, total: n.Total, surge: n.Surge, unavailable: n.Unavailable, spare: n.Spare, canary: n.Canary, halted: n.Halted,
		started: n.Started, quietAt: n.QuietAt, switched: n.Switched, probation: n.Probation,
		state: n.State, ended: n.Ended, recovers: n.Recovers, replaced: n.Replaced, steps: n.Steps, failure: n.Failure}
}

// restore returns the process as it was, but that it has nothing to do: its requests and connections have ended.
func (n *notedProcess) restore(noted, now time.Time, at func(ref) *generation) *Process {
	since := noted.Add(-n.since)
	p := &Process{
		number: n.number, generation: at(n.generation), failures: n.failures, limit: n.limit, lent: n.lent, seen: n.lent, heard: n.lent,
		state: n.state, stage: n.stage, replaces: n.replaces, replaced: n.replaced, outside: n.outside,
		began: noted.Add(-n.began), since: since, readyAt: since, lastUsed: now, place: -1,
	}
	if p.state > Ready {
		p.left = noted.Add(-n.left)
		p.retired.Store(true)
	}
	if p.state == Stopping {
		if p.stopped = since.Add(-rounding); p.stage > asked { // that is when its stage began
			p.stopped = p.left
		}
	}
	p.asked.Store(n.told)
	return p
}

// lives finds the child of a process or worker that another purser has left, and reports whether there is one.
func (s *roster) lives(now time.Time, p *Process, n *notedProcess, find func(p *Process, ready bool) Child) bool {
	p.child = find(p, n.booted)
	if !slices.Contains(s.unfinished, p.generation) {
		s.unfinished = append(s.unfinished, p.generation)
	}
	if p.child == nil {
		s.lost(now, p, n)
	}
	return p.child != nil
}

// takeOver takes a process into the roster that another purser has left, if anything of it lives. What it was asked
// for and may not have heard is said again.
func (s *roster) takeOver(now time.Time, p *Process, n *notedProcess, find func(p *Process, ready bool) Child) {
	if !s.lives(now, p, n, find) {
		return
	}
	p.cut = !n.booted
	s.procs = append(s.procs, p)
	if p.outside {
		s.outside++
	}
	if p.state == Ready {
		s.lendable.add(p)
	}
	switch {
	case p.cut && p.state == Spawning:
		s.move(now, p, Stopping, "its start was cut short")
		s.kill(now, p)
	case p.cut || p.stage == killed:
		s.kill(now, p)
	case p.state == Stopping && !n.told:
		s.tellToExit(now, p)
	}
}

// lost forgets a process that is to be taken over and of which nothing lives. Nobody knows why it has ended, unless it had
// not begun: before it there is what loads the app for it.
func (s *roster) lost(now time.Time, p *Process, n *notedProcess) {
	level, why := hclog.Warn, "it has ended while purser was started anew"
	if p.state == Spawning && !n.booted {
		level, why = hclog.Info, "its start was cut short"
	}
	s.processed += p.processed()
	s.moves++
	p.state, p.since = Gone, now
	s.os.note(level, "process is gone", p.pairs("why", why)...)
	s.happened(now, p, why)
}

// prepare makes what the driver needs of a process that is begun, or adopted.
func (g *Group) prepare(p *Process) (ctx context.Context) {
	ctx, p.cancel = context.WithCancel(context.Background())
	p.gone, p.leaving = make(chan struct{}), make(chan struct{})
	if p.generation.over == nil {
		p.generation.over = make(chan struct{})
	}
	return ctx
}

// orderOf is what p is spawned for.
func (g *Group) orderOf(p *Process) Order {
	n := p.generation
	return Order{App: g.name, Generation: n.number, Process: p.number, Index: p.index, Worker: p.role, Release: n.release, Config: n.config, Over: n.over}
}
