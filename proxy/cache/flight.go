package cache

import (
	"maps"
	"sync"
	"sync/atomic"

	"purser/proxy/wire"
)

// A Flight is a request that is on its way to the app, for which others wait that would ask the same.
type Flight struct {
	cache   *Cache
	name    string
	key     []byte
	waiting atomic.Int32
	done    chan struct{}
	ending  Ending // before done is closed, as is
	entry   *Entry // what was stored
}

// An Ending says what came of a flight, for those who have waited.
type Ending uint8

const (
	Stored     Ending = iota // they look again
	GivenUp                  // nothing is known: one of them asks, and the others wait for that
	Failed                   // there was no answer, or an error: each asks for itself, or takes what is stale
	Unsharable               // the answer is for one: each asks for itself
)

type flights struct {
	mu  sync.Mutex // guards all
	all map[string]*Flight
}

// Join returns the flight of those who ask for the same, and whether it begins with this request, which then has to end
// it. Nil: this request is to go alone.
func (c *Cache) Join(key []byte, request []wire.Field, now int64) (f *Flight, leads bool) {
	if c.isApart(key, now) {
		return nil, false
	}
	f, leads = c.begin(key, request)
	if !leads {
		f.waiting.Add(1)
	}
	return f, leads
}

// Lead returns a flight that begins with this request, which has to end it; nil if one is under way. It is for who does not
// wait for another's: that none can be shared is of no matter.
func (c *Cache) Lead(key []byte, request []wire.Field) *Flight {
	if f, leads := c.begin(key, request); leads {
		return f
	}
	return nil
}

func (c *Cache) begin(key []byte, request []wire.Field) (f *Flight, leads bool) {
	var memory [512]byte
	name := c.together(memory[:0], key, request)
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f := c.flights.all[string(name)]; f != nil {
		return f, false
	}
	f = &Flight{cache: c, name: string(name), key: append([]byte(nil), key...), done: make(chan struct{})}
	c.flights.all[f.name] = f
	return f, true
}

// leave has those who come from now on not wait for what was asked before: for the keys that were dropped.
func (f *flights) leave(isOne func(key []byte) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.all, func(_ string, under *Flight) bool { return isOne(under.key) })
}

// Done is closed at the end of the flight.
func (f *Flight) Done() <-chan struct{} { return f.done }

// Ending returns what came of it, once it is done.
func (f *Flight) Ending() Ending { return f.ending }

// Answer returns what was stored, if it suits a request: there may be no room for it, or only for a moment.
func (f *Flight) Answer(request []wire.Field) *Entry {
	if f.ending == Stored && f.entry.suits(request) {
		return f.entry
	}
	return nil
}

// Store stores what has come, and ends the flight with it. What is stale by the time that it has come is of no use to
// those who have waited: each asks for itself, lest one after the other waits as long. Only once may they be given what the
// app confirms, as that may come sooner; again says that this was it.
func (f *Flight) Store(e *Entry, now int64, again bool) {
	f.cache.Store(f.key, e)
	f.entry = e
	anybody := WishesOf(nil)
	if (again || !e.Validates()) && e.Judge(&anybody, f.cache.Defaults, now) == Ask {
		f.End(Unsharable, now)
		return
	}
	f.End(Stored, now)
}

// End ends it. If others have waited in vain, that is not done to those who come next.
func (f *Flight) End(e Ending, now int64) {
	f.cache.flights.mu.Lock()
	if f.cache.flights.all[f.name] == f {
		delete(f.cache.flights.all, f.name)
	}
	f.cache.flights.mu.Unlock()
	f.ending = e
	if e == Unsharable && f.waiting.Load() > 0 {
		f.cache.KeepApart(f.key, now+int64(apartFor))
	}
	close(f.done)
}

// Waiting returns how many requests have joined those that are on their way.
func (c *Cache) Waiting() (n int) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	for _, f := range c.flights.all {
		n += int(f.waiting.Load())
	}
	return n
}
