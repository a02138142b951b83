package files

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	mostOpened = 1024             // how many names of an app a cache has, at most
	shards     = 16               // so that few requests meet at one lock
	unused     = 10 * time.Second // after so long to twice as long what nobody has asked for is closed
)

// A cache has files of an app that lie open, by the names that they were asked for by. It does not know whether they are
// still what those names lead to.
type cache struct {
	seed      maphash.Seed
	allowance *Allowance // nil = nothing is kept
	shards    [shards]shard
	tidying   *time.Timer
	awaited   atomic.Bool // the timer runs, as it does while there is something to tidy
	closed    atomic.Bool
}

type shard struct {
	mu     sync.Mutex // guards what follows; nothing is closed under it
	byName map[string]*opened
}

func (c *cache) init(a *Allowance) {
	c.seed, c.allowance = maphash.MakeSeed(), a
	c.tidying = time.AfterFunc(unused, c.tidy)
	c.tidying.Stop()
}

func (c *cache) shard(name []byte) *shard { return &c.shards[maphash.Bytes(c.seed, name)%shards] }

// get returns what lies open, or nil. Who gets it releases it. An app whose files nobody asks for pays for no lock.
func (c *cache) get(name []byte) *opened {
	if !c.awaited.Load() {
		return nil
	}
	return c.shard(name).get(name)
}

func (s *shard) get(name []byte) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byName[string(name)]
	if o == nil {
		return nil
	}
	o.uses.Add(1)
	if !o.wanted.Load() {
		o.wanted.Store(true)
	}
	return o
}

// admit takes for o what it needs of the allowance. If there is not so much, another has to go.
func (c *cache) admit(name []byte, o *opened) bool {
	if c.allowance == nil || c.closed.Load() {
		return false
	}
	n := o.needs()
	if !c.allowance.take(n) {
		c.drop(c.shard(name).spare(0))
		if !c.allowance.take(n) {
			return false
		}
	}
	o.takes = n
	return true
}

// put keeps what was admitted, in the place of what had the name before.
func (c *cache) put(name []byte, o *opened) {
	s := c.shard(name)
	spare := s.spare(mostOpened / shards)
	o.uses.Add(1)
	o.wanted.Store(true)
	s.mu.Lock()
	if s.byName == nil {
		s.byName = make(map[string]*opened)
	}
	before := s.byName[string(name)]
	s.byName[string(name)] = o
	s.mu.Unlock()
	c.drop(spare)
	c.drop(before)
	if c.closed.Load() {
		c.dropAll(func(*opened) bool { return true })
	} else if c.awaited.CompareAndSwap(false, true) {
		c.tidying.Reset(unused)
	}
}

// remove ends the keeping of o.
func (c *cache) remove(name []byte, o *opened) {
	s := c.shard(name)
	s.mu.Lock()
	has := s.byName[string(name)] == o
	if has {
		delete(s.byName, string(name))
	}
	s.mu.Unlock()
	if has {
		c.drop(o)
	}
}

// spare takes one out if there are so many as most: one that nobody has asked for lately, else any.
func (s *shard) spare(most int) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byName) < max(most, 1) {
		return nil
	}
	var found string
	for name, o := range s.byName {
		if found = name; !o.wanted.Swap(false) {
			break
		}
	}
	o := s.byName[found]
	delete(s.byName, found)
	return o
}

// drop ends the keeping of what was taken out.
func (c *cache) drop(o *opened) {
	if o != nil {
		c.allowance.giveBack(o.takes)
		o.release()
	}
}

func (c *cache) dropAll(those func(*opened) bool) (left int) {
	for i := range c.shards {
		s := &c.shards[i]
		var out []*opened
		s.mu.Lock()
		for name, o := range s.byName {
			if those(o) {
				delete(s.byName, name)
				out = append(out, o)
			}
		}
		left += len(s.byName)
		s.mu.Unlock()
		for _, o := range out {
			c.drop(o)
		}
	}
	return left
}

// tidy closes what nobody has asked for since it was last called.
func (c *cache) tidy() {
	c.awaited.Store(false)
	left := c.dropAll(func(o *opened) bool { return !o.wanted.Swap(false) })
	if left > 0 && !c.closed.Load() && c.awaited.CompareAndSwap(false, true) {
		c.tidying.Reset(unused)
	}
}

func (c *cache) close() {
	c.closed.Store(true)
	c.tidying.Stop()
	c.dropAll(func(*opened) bool { return true })
}
