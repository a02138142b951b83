package spawn

import (
	"context"
	"errors"

	"purser/spawn/keeper"
)

// This file is how fork sources outlive the front. One that still loads the app goes on with that, and the next front has
// its processes forked from it.

// SourcePrefix begins the names by which the keeper has the fork sources of an app. The later of two names of one
// generation is that of the later source.
func SourcePrefix(app string) string { return "source/" + app + "#" }

// HandOn has no source end any more because nobody waits for it: whoever waits is about to be the next front's, too.
func (s *Spawner) HandOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handing = true
}

// AdoptSource takes over a fork source that an earlier front has started, if it is of the generation of an order, and
// there is none yet. It returns the folder that it needs, and false if it is not wanted.
//
// A generation that nothing is ordered of has no use for a source: what was forked from it may have ended by now, and its
// code may have been replaced.
func (s *Spawner) AdoptSource(o Order, from keeper.Inheritee, left keeper.Inheritance) (folder string, wanted bool) {
	h, err := handleOf(from, left)
	if err != nil || !s.app.Preload || from.Stopping || !h.Order.sameGeneration(o) || s.hasSource(o) {
		return "", false
	}
	child := s.adopted(h, from, left)
	s.mu.Lock()
	defer s.mu.Unlock()
	adopted := s.addSource(o)
	adopted.child = child
	s.rest(adopted)
	s.running.Go(func() { s.mind(adopted, child, nil) })
	return child.Folder(), true
}

// sameGeneration reports whether two orders are of one generation, as far as is known after the end of a front.
func (o Order) sameGeneration(other Order) bool {
	return o.Generation == other.Generation && o.Path == other.Path && o.Config == other.Config && o.Seen.Equal(other.Seen)
}

func (s *Spawner) hasSource(o Order) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sourceFor(o) >= 0
}

// leaves reports whether a source goes on as the next front's. Then this one is done with it when it returns.
func (s *Spawner) leaves(from *source, child *Child) bool {
	if !errors.Is(context.Cause(from.ctx), ErrYielded) {
		return false
	}
	s.lose(from)
	if child != nil {
		<-child.gone
	}
	return true
}

// bear has a source make a child. What an earlier front has written for its source, the child may need, too.
func (s *Spawner) bear(from *source, child *Child, p keeper.Program) (*keeper.Process, error) {
	p.From, child.loaders = from.child.process.Process, from.child.loaders
	if from.child.adopted {
		child.loaders = from.child.Folder()
	}
	if child.loaders != "" {
		s.folder.adopt(child.loaders)
	}
	started, err := s.keeper.Fork(p)
	if err == nil {
		child.preloaded = from.preloads()
		s.noteForked(from)
	} else if child.loaders != "" {
		s.folder.leave(child.loaders)
	}
	return started, err
}
