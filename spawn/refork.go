package spawn

import "time"

// With preload_refork, a process that has served for a while becomes the source of its generation, in place of the one
// that has loaded the app. What it has made since (memoised values, caches of the interpreter, compiled code) is then in
// memory once, too. It is of the same generation and release as all that is forked from it, as it was forked itself
// from a source of these.

// A reforked error is how a process ends to be one that serves: it goes on as a fork source.
type reforked struct{}

func (reforked) Error() string { return "it has become the fork source" }

// Reforked tells this end from others.
func (reforked) Reforked() bool { return true }

// ReforkAfter is how many requests it is to have answered before Refork; 0 = it cannot become a fork source.
func (c *Child) ReforkAfter() int { return c.reforkAfter }

// Refork has a child that serves nothing any more become the fork source of its generation, in place of Stop. Wait returns
// as soon as it is one, with an error that has a method Reforked() bool; another if it has exited instead.
func (c *Child) Refork(answered int64) {
	c.stop.Do(func() {
		c.answered.Store(answered)
		c.process.Refork()
	})
}

// becomesSource waits until it has become a fork source, or is gone, or something happens before.
func (c *Child) becomesSource(before <-chan struct{}) bool {
	select {
	case <-c.Loaded():
		return true
	case <-c.Gone():
	case <-before:
	}
	return false
}

// refork makes a process the source of its generation. The one before ends: who waits for that takes this one.
func (s *Spawner) refork(served *Child) {
	Forget(s.keeper, s.name(served))
	served.endpoint.remove()
	served.exit = reforked{}
	child := &Child{Order: served.Order, process: served.process, source: true, endpoint: &endpoint{}, loaders: served.loaders, preloaded: served.preloaded, gone: make(chan struct{})}
	child.answered.Store(served.answered.Load())
	from := s.newSource(served.Order)
	from.child, from.loaded, from.kept = child, time.Now(), true
	close(from.started)
	s.replaceSources(from)
	s.own(child)
	s.running.Go(func() { s.endWhenOver(from) })
	s.running.Go(func() {
		from.awaitEnd(child)
		s.end(from, child)
	})
}

// replaceSources ends all sources that make what this one does.
func (s *Spawner) replaceSources(by *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropThoseFor(by.Order)
	s.sources = append(s.sources, by)
}
