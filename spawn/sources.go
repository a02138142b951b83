package spawn

import (
	"context"
	"errors"
	"slices"
	"time"

	"purser/spawn/keeper"
)

// With preload, the processes of a generation are forked from a source: a child that has loaded the app, and serves
// nothing. A source makes processes of its own generation and release only, which the keeper sees to as well. It ends
// when its generation is over, and when nothing was forked from it for a while. If it hangs or dies, the next start has
// another. Like all children it outlives the front (see handed_on.go).

// A Source is what is known of one that runs.
type Source struct {
	PID, Generation int
	Loaded          time.Time // zero = it still loads the app
	Forked          int       // processes
	Answered        int64     // requests before it became one; 0 = it has loaded the app itself
}

// mostSources is how many are tried for one process, before that is started without.
const mostSources = 2

// Sources returns those that run now, the oldest first.
func (s *Spawner) Sources() (all []Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range s.sources {
		if from.child != nil {
			all = append(all, Source{PID: from.child.PID(), Generation: from.Generation, Loaded: from.loaded, Forked: from.child.forked, Answered: from.child.answered.Load()})
		}
	}
	return all
}

// preload waits until there is a source to fork from. The error is why there is none: the app could not be loaded.
func (s *Spawner) preload(ctx context.Context, o Order) error {
	if !s.app.Preload {
		return nil
	}
	from := s.use(o)
	err := from.await(ctx)
	s.leave(from, false)
	return err
}

// forkFrom starts a child by a source. If sources do not do what they are there for, it is started as without.
func (s *Spawner) forkFrom(ctx context.Context, child *Child, p keeper.Program) (*keeper.Process, error) {
	for range mostSources {
		if !s.app.Preload || !child.purpose().serves() || child.source {
			break
		}
		from := s.use(child.Order)
		if err := from.await(ctx); err != nil {
			s.leave(from, false)
			return nil, err
		}
		started, err := s.bear(from, child, p)
		s.leave(from, err != nil && !errors.Is(err, keeper.ErrRenewed))
		if err == nil {
			return started, nil
		}
	}
	p.From = nil
	return s.keeper.Fork(p)
}

// use returns the source of an order, until leave. It begins one if there is none.
func (s *Spawner) use(o Order) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.sourceFor(o)
	if i < 0 {
		i = len(s.sources)
		from := s.addSource(o)
		s.running.Go(func() { s.tend(from) })
	}
	from := s.sources[i]
	from.users++
	from.stopTimer()
	return from
}

// sourceFor is where the source of an order is, -1 if there is none. The Spawner's mu is held, as for addSource.
func (s *Spawner) sourceFor(o Order) int {
	return slices.IndexFunc(s.sources, func(from *source) bool { return from.makes(o) })
}

func (s *Spawner) addSource(o Order) *source {
	from := s.newSource(o)
	s.sources = append(s.sources, from)
	s.running.Go(func() { s.endWhenOver(from) })
	return from
}

func (s *Spawner) newSource(o Order) *source {
	o.Process, o.Index, o.Worker = 0, 0, ""
	from := &source{Order: o, started: make(chan struct{})}
	from.ctx, from.cancel = context.WithCancel(s.ours)
	return from
}

// leave is the end of a use. No more is forked from a source that did not do that.
func (s *Spawner) leave(from *source, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.users--
	if failed || from.users == 0 && from.loaded.IsZero() && !s.handing {
		s.drop(from)
		return
	}
	if from.users == 0 {
		s.rest(from)
	}
}

// rest has a source end that nobody uses, once nothing was forked from it for preload_idle. The Spawner's mu is held.
func (s *Spawner) rest(from *source) {
	if s.app.PreloadIdle > 0 && !from.kept && from.ctx.Err() == nil {
		from.stopTimer()
		from.idle = time.AfterFunc(s.app.PreloadIdle, func() { s.endIdle(from) })
	}
}

// endIdle ends a source from which nothing was forked for a while.
func (s *Spawner) endIdle(from *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.users == 0 {
		s.drop(from)
	}
}

// endWhenOver ends a source of which nothing will be wanted any more.
func (s *Spawner) endWhenOver(from *source) {
	select {
	case <-from.Over:
		s.lose(from)
	case <-from.ctx.Done():
	}
}

// drop ends a source. The Spawner's mu is held.
func (s *Spawner) drop(from *source) {
	from.stopTimer()
	from.cancel()
	s.sources = slices.DeleteFunc(s.sources, func(other *source) bool { return other == from })
}

// dropFor ends the source of an order whose process did not get ready: the next one comes from one that has loaded the
// app anew, as what is wrong may be in what was loaded.
func (s *Spawner) dropFor(o Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropThoseFor(o)
}

func (s *Spawner) dropThoseFor(o Order) {
	for _, from := range slices.Clone(s.sources) {
		if from.makes(o) {
			s.drop(from)
		}
	}
}

// dropAll ends all sources.
func (s *Spawner) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range slices.Clone(s.sources) {
		s.drop(from)
	}
}

// tend is the life of a source, until nothing is left of it.
func (s *Spawner) tend(from *source) {
	child, err := s.load(from)
	s.mind(from, child, err)
}

// load has a child load the app.
func (s *Spawner) load(from *source) (*Child, error) {
	child, err := s.begin(from.ctx, from.Order, true)
	if err == nil {
		s.noteSource(from, child)
	}
	return child, err
}

// mind is the rest of its life, from its start or from when it was handed on. An error is why there is none.
func (s *Spawner) mind(from *source, child *Child, err error) {
	if err == nil {
		err = s.awaitLoaded(from.ctx, child)
	}
	if wasKilled(err) && from.ctx.Err() == nil { // that says nothing of the app, and others wait for it: once more
		<-child.gone
		if child, err = s.load(from); err == nil {
			err = s.awaitLoaded(from.ctx, child)
		}
	}
	if s.leaves(from, child) {
		return // and who waits for it is told by its own context
	}
	if err != nil {
		from.failure = s.failed(child, err)
	} else {
		s.noteLoaded(from)
	}
	close(from.started)
	if child == nil {
		s.lose(from)
		return
	}
	if err == nil {
		from.awaitEnd(child)
	}
	if s.leaves(from, child) {
		return
	}
	s.end(from, child)
}

func (s *Spawner) end(from *source, child *Child) {
	s.lose(from)
	child.Kill()
	<-child.gone
}

// wasKilled reports whether a signal has ended a child, and not the kernel for want of memory.
func wasKilled(err error) bool {
	exit, exited := errors.AsType[keeper.ExitError](err)
	return exited && exit.Signaled() && !exit.OutOfMemory()
}

func (s *Spawner) noteSource(from *source, child *Child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.child = child
}

// noteLoaded has it be one that is forked from. That later fronts do not know when it had loaded the app is no harm.
func (s *Spawner) noteLoaded(from *source) {
	s.mu.Lock()
	if from.child.ready.IsZero() {
		from.child.ready = time.Now()
	}
	from.loaded = from.child.ready
	h := from.child.handle()
	s.mu.Unlock()
	_ = s.noteHandle(from.child, h)
}

func (s *Spawner) noteForked(from *source) {
	s.mu.Lock()
	from.child.forked++
	h := from.child.handle()
	s.mu.Unlock()
	_ = s.noteHandle(from.child, h)
}

// lose is for a source that has ended, or is to end.
func (s *Spawner) lose(from *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(from)
}

// failed is why the app could not be loaded, with the last lines of what tried to.
func (s *Spawner) failed(child *Child, err error) error {
	failure := &StartError{App: s.app.Name, Reason: err.Error()}
	if child != nil {
		child.Kill()
		<-child.gone
		failure.Output = child.LastLines()
	}
	return failure
}

// awaitLoaded waits until a source is ready to fork.
func (s *Spawner) awaitLoaded(outer context.Context, child *Child) error {
	ctx, cancel := withLimit(outer, s.app.StartTimeout, s.app.StartTimeout-time.Since(child.began))
	defer cancel()
	select {
	case <-child.Loaded():
		return nil
	case <-child.Exited():
		return child.earlyExit()
	case <-ctx.Done():
	}
	if outer.Err() == nil {
		child.printWhere(outer)
	}
	return tooLate(ctx, silence("the app was not loaded"))
}
