package coding

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// mostLent is how many encoders are in use at once, at most: what they take is 100 to 200 MB then. One is in use
// for less than a millisecond, unless its answer comes slowly from the app.
const mostLent = 128

// Pools are the encoders of a server, which all of its apps share.
type Pools struct {
	lent atomic.Int64

	mu    sync.Mutex // guards kinds; nothing is waited for under it
	kinds map[kind]*Pool
}

type kind struct {
	coding Coding
	level  int
}

// A Pool has encoders of one kind. Those that nobody uses go when the memory is wanted.
type Pool struct {
	free sync.Pool
	lent *atomic.Int64
}

// Of returns the pool of a kind, the same each time.
func (p *Pools) Of(c Coding, level int) *Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pool := p.kinds[kind{c, level}]; pool != nil {
		return pool
	}
	pool := &Pool{lent: &p.lent}
	pool.free.New = func() any {
		w, err := newWriter(c, level)
		if err != nil {
			panic(fmt.Sprintf("BUG: %s, level %d: %v", c, level, err))
		}
		return &Encoder{writer: w, pool: pool}
	}
	if p.kinds == nil {
		p.kinds = map[kind]*Pool{}
	}
	p.kinds[kind{c, level}] = pool
	return pool
}

// Lend returns an encoder, to be freed; nil if too many are in use.
func (p *Pool) Lend() *Encoder {
	if p.lent.Add(1) > mostLent {
		p.lent.Add(-1)
		return nil
	}
	e := p.free.Get().(*Encoder)
	e.begin()
	return e
}

func (p *Pool) takeBack(e *Encoder) {
	e.out = e.out[:0]
	p.free.Put(e)
	p.lent.Add(-1)
}
