package spawn

import (
	"context"
	"slices"
	"time"

	"purser/spawn/keeper"
)

// With preload, the processes of a generation are forked from a source: a child that has loaded the app, and serves
// nothing. A source makes processes of its own generation and release only, which the keeper sees to as well. It ends
// when its generation is over; when nothing was forked from it for a while; and with the front. If it hangs or dies, the
// next start has another.

// A Source is what is known of one that runs.
type Source struct {
	PID, Generation int
	Loaded          time.Time // zero = it still loads the app
	Forked          int       // processes
}

// mostSources is how many are tried for one process, before that is started without.
const mostSources = 2

// A source is a child that others are forked from.
type source struct {
	Order
	ctx    context.Context // ends when it is to end
	cancel context.CancelFunc

	started chan struct{} // closed when it has loaded the app, or failed to
	failure error         // valid then

	child  *Child // what follows is guarded by the Spawner's mu
	loaded time.Time
	forked int
	users  int // starts that wait for it, or fork from it
	idle   *time.Timer
}

// Sources returns those that run now, the oldest first.
func (s *Spawner) Sources() (all []Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range s.sources {
		if from.child != nil {
			all = append(all, Source{PID: from.child.PID(), Generation: from.Generation, Loaded: from.loaded, Forked: from.forked})
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
		if !s.app.Preload || !child.purpose().serves() {
			break
		}
		from := s.use(child.Order)
		if err := from.await(ctx); err != nil {
			s.leave(from, false)
			return nil, err
		}
		p.From = from.child.process.Process
		started, err := s.keeper.Fork(p)
		if err == nil {
			s.noteForked(from)
		}
		s.leave(from, err != nil)
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
	i := slices.IndexFunc(s.sources, func(from *source) bool { return from.makes(o) })
	if i < 0 {
		i = len(s.sources)
		from := &source{Order: Order{Generation: o.Generation, Path: o.Path, Over: o.Over}, started: make(chan struct{})}
		from.ctx, from.cancel = context.WithCancel(s.ours)
		s.sources = append(s.sources, from)
		s.running.Go(func() { s.tend(from) })
		s.running.Go(func() { s.endWhenOver(from) })
	}
	from := s.sources[i]
	from.users++
	from.stopTimer()
	return from
}

// leave is the end of a use. No more is forked from a source that did not do that.
func (s *Spawner) leave(from *source, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.users--
	if failed || from.users == 0 && from.loaded.IsZero() {
		s.drop(from)
		return
	}
	if from.users == 0 && s.app.PreloadIdle > 0 && from.ctx.Err() == nil {
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
	child, err := s.begin(from.ctx, from.Order, true)
	if err == nil {
		s.noteSource(from, child)
		err = s.awaitLoaded(from.ctx, child)
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
		select {
		case <-child.Exited():
		case <-from.ctx.Done():
		}
	}
	s.lose(from)
	child.Kill()
	<-child.gone
}

func (s *Spawner) noteSource(from *source, child *Child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.child = child
}

func (s *Spawner) noteLoaded(from *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.loaded = time.Now()
}

func (s *Spawner) noteForked(from *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.forked++
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
	ctx, cancel := withLimit(outer, s.app.StartTimeout, s.app.StartTimeout)
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

// makes reports whether a source makes what is ordered: a fork source makes only its own generation (I2). A restart that
// was joined goes on with another of the same number, whose code may differ in the same folder.
func (from *source) makes(o Order) bool {
	return from.Generation == o.Generation && from.Path == o.Path && from.Over == o.Over
}

// await waits until it has loaded the app.
func (from *source) await(ctx context.Context) error {
	select {
	case <-from.started:
		return from.failure
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (from *source) stopTimer() {
	if from.idle != nil {
		from.idle.Stop()
	}
}
