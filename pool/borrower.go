package pool

import (
	"sync"
	"time"
)

// This file is how the owner of a pool lends to fronts before it that have yielded, and finish what they have. A process
// is lent to them as to its own requests: it counts as busy, and what goes waits for it.

// A Borrower is a front that borrows. Hear and End are called one after the other.
type Borrower struct {
	pool     *Pool
	say      func(ToBorrower)
	declared chan struct{}
	once     sync.Once
}

// LendTo has a front before this one borrow. Say is called whenever there is something to say: it must return at once, may
// not call back, and what it is told goes in its order. Groups that are adopted lend nothing before GoOn, which is to
// come after Declared: what is not declared by then may be stopped as if nobody used it.
func (p *Pool) LendTo(say func(ToBorrower)) *Borrower {
	return &Borrower{pool: p, say: say, declared: make(chan struct{})}
}

// Declared is closed when the front has said what it has lent.
func (b *Borrower) Declared() <-chan struct{} { return b.declared }

// Hear takes what the front says.
func (b *Borrower) Hear(m ToOwner) {
	if m.Verb == verbDeclared {
		b.once.Do(func() { close(b.declared) })
		return
	}
	g := b.pool.Group(m.App)
	switch {
	case g != nil:
		g.do(func(s *groupState, now time.Time) { s.hear(now, b, m) })
	case m.Verb == verbAcquire:
		b.say(ToBorrower{Verb: verbRefuse, App: m.App, Ticket: m.Ticket, Refusal: refusalOf(ErrClosed)})
	}
}

// End says that the front is gone: nothing is lent to it any more.
func (b *Borrower) End() {
	for _, g := range b.pool.Groups() {
		g.do(func(s *groupState, now time.Time) { s.endDebt(now, b) })
	}
}

// A BorrowerSnapshot is what a front has of all apps.
type BorrowerSnapshot struct {
	Requests    int `json:"requests"`    // in flight
	Connections int `json:"connections"` // long-lived ones
	Waiting     int `json:"waiting"`     // requests that want a process
}

// Snapshot returns what the front has now.
func (b *Borrower) Snapshot() (s BorrowerSnapshot) {
	for _, g := range b.pool.Groups() {
		g.mu.Lock()
		if d := g.state.debts.of(b); d != nil {
			d.count(&s)
		}
		g.mu.Unlock()
	}
	return s
}
