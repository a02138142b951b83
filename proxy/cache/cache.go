// Package cache keeps answers of an app in memory, and says what RFC 9111 allows to do with them. It speaks neither to
// clients nor to apps: who asks it is told what may be used, for how long, and what must be asked for again.
//
// It is a shared cache, and a careful one: nothing is stored that sets a cookie, that was asked for with a name and
// password, or that does not say how long it is fresh. What it holds belongs to one generation of the code: when
// another takes over, all of it is dropped.
//
// The rules are functions of an Entry and of what is asked (verdict.go, entry.go); what it stores, and what of it goes
// first when there is no more room, is the affair of a library.
package cache

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"purser/proxy/wire"
)

// mostVariants is how many variants of a page are stored: a Vary by what each client has its own of must not fill the
// cache with one page.
const mostVariants = 32

// A Cache holds the answers of one app.
type Cache struct {
	Defaults
	Counts

	most       int64 // bytes of one answer
	seed       maphash.Seed
	generation atomic.Int64
	pages      *otter.Cache[uint64, *page]

	changes sync.Mutex // guards the change of a page, against another of the same, and drops
	drops   drops
	flights flights
}

// Counts are of requests that asked the cache.
type Counts struct {
	Hits   atomic.Int64 // answered from it
	Stale  atomic.Int64 // of those, with what was not fresh any more
	Misses atomic.Int64 // the app was asked
}

// A page is what is stored for one key. It never changes: another takes its place.
type page struct {
	key      []byte
	variants []*Entry // the newest first
	apart    int64    // until then requests for it are not held together: none may be answered with another's answer
}

// New returns a cache of size bytes, in which an answer may have most.
func New(size, most int64, d Defaults) *Cache {
	c := &Cache{Defaults: d, most: most, seed: maphash.MakeSeed(), flights: flights{all: map[string]*Flight{}}}
	c.pages = otter.Must(&otter.Options[uint64, *page]{
		MaximumWeight: uint64(size),
		Weigher:       func(_ uint64, p *page) uint32 { return p.weight() },
		Executor:      func(work func()) { work() }, // no goroutines of its own
	})
	return c
}

func (p *page) weight() uint32 {
	n := len(p.key) + 256
	for _, e := range p.variants {
		n += e.size()
	}
	return uint32(min(int64(n), math.MaxUint32))
}

// Most is how many bytes an answer may have that is stored.
func (c *Cache) Most() int64 { return c.most }

// Size returns how many bytes are stored, and how many may.
func (c *Cache) Size() (held, most uint64) { return c.pages.WeightedSize(), c.pages.GetMaximum() }

// Serves says which generation's answers are wanted from now on. What others have answered is dropped.
func (c *Cache) Serves(generation int) {
	if before := c.generation.Load(); before != int64(generation) && c.generation.CompareAndSwap(before, int64(generation)) {
		c.flights.leave(func([]byte) bool { return true })
		c.pages.InvalidateAll()
	}
}

// Find returns what is stored for a key and suits the request, nil if nothing does. Known reports whether other variants
// are stored.
func (c *Cache) Find(key []byte, request []wire.Field) (e *Entry, known bool) {
	p := c.page(key)
	if p == nil {
		return nil, false
	}
	for _, e := range p.variants {
		if int64(e.Generation) == c.generation.Load() && e.suits(request) {
			return e, true
		}
	}
	return nil, len(p.variants) > 0
}

// page compares the key, as two may have the same sum.
func (c *Cache) page(key []byte) *page {
	p, ok := c.pages.GetIfPresent(maphash.Bytes(c.seed, key))
	if !ok || !bytes.Equal(p.key, key) {
		return nil
	}
	return p
}

// Store stores an entry, in the place of the one before that is for the same requests. Not so if it was asked for before
// the key was dropped: then it may say what is not true any more.
func (c *Cache) Store(key []byte, e *Entry) {
	c.changes.Lock()
	defer c.changes.Unlock()
	if int64(e.Generation) != c.generation.Load() || c.drops.since(maphash.Bytes(c.seed, key), e.asked) {
		return
	}
	next := &page{key: bytes.Clone(key), variants: []*Entry{e}}
	if p := c.page(key); p != nil {
		for _, other := range p.variants {
			if other.Generation == e.Generation && !e.replaces(other) && len(next.variants) < mostVariants {
				next.variants = append(next.variants, other)
			}
		}
	}
	c.pages.Set(maphash.Bytes(c.seed, key), next)
}

// KeepApart has requests for a key not held together for a while.
func (c *Cache) KeepApart(key []byte, until int64) {
	c.changes.Lock()
	defer c.changes.Unlock()
	next := &page{key: bytes.Clone(key), apart: until}
	if p := c.page(key); p != nil {
		next.variants = p.variants
	}
	c.pages.Set(maphash.Bytes(c.seed, key), next)
}

// StayApart has it go on so, while nothing of what is answered can be shared.
func (c *Cache) StayApart(key []byte, now int64) {
	if p := c.page(key); p != nil && now < p.apart && p.apart-now < int64(apartFor/2) {
		c.KeepApart(key, now+int64(apartFor))
	}
}

// Drop forgets what is stored for a key, and what is on its way.
func (c *Cache) Drop(key []byte, now int64) {
	c.changes.Lock()
	defer c.changes.Unlock()
	sum := maphash.Bytes(c.seed, key)
	c.drops.note(sum, now)
	c.flights.leave(func(other []byte) bool { return bytes.Equal(other, key) })
	c.pages.Invalidate(sum)
}

// Purge forgets all whose key is one of those, and what is on its way, and returns how many pages that were.
func (c *Cache) Purge(isOne func(key []byte) bool, now int64) (dropped int) {
	c.changes.Lock()
	defer c.changes.Unlock()
	c.drops.noteAll(now)
	c.flights.leave(isOne)
	for sum, p := range c.pages.All() {
		if isOne(p.key) && len(p.variants) > 0 {
			if _, was := c.pages.Invalidate(sum); was {
				dropped++
			}
		}
	}
	return dropped
}

// together returns the name by which requests for a key are held together, appended to b: those that a known variant
// tells apart have different ones.
func (c *Cache) together(b, key []byte, request []wire.Field) []byte {
	b = append(b, key...)
	p := c.page(key)
	if p == nil || len(p.variants) == 0 {
		return b
	}
	for _, v := range p.variants[0].vary {
		b = append(appendValues(append(b, 0), request, v.name), 0)
	}
	return slices.Clip(b)
}

// isApart reports whether requests for a key are not held together now.
func (c *Cache) isApart(key []byte, now int64) bool {
	p := c.page(key)
	return p != nil && now < p.apart
}

// apartFor is how long requests for what cannot be stored are not held together.
const apartFor = time.Minute
