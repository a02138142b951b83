package pool

import "time"

// This file is how a group goes on that has yielded: it decides nothing any more, and what its requests want it asks of
// the owner of the pool, which is another front by now. Owners come and go: what waits asks the next, and what is lent is
// declared to each.

// A Lender is the owner of the pool, as a front sees it that has yielded. Its methods are called one after the other.
type Lender struct {
	pool *Pool
	say  func(ToOwner)
}

// BorrowFrom has a pool that has yielded borrow from another owner from now on. At once, and then whenever there is
// something to say, say is called: it must return at once, may not call back, and what it is told goes in its order.
// Until there is an owner, what wants a process waits.
func (p *Pool) BorrowFrom(say func(ToOwner)) *Lender {
	l := &Lender{p, say}
	for _, g := range p.Groups() {
		g.do(func(s *groupState, now time.Time) { s.borrows.from(now, l) })
	}
	say(ToOwner{Verb: verbDeclared})
	return l
}

// Hear takes what the owner says.
func (l *Lender) Hear(m ToBorrower) {
	if g := l.pool.Group(m.App); g != nil {
		g.do(func(s *groupState, _ time.Time) { s.borrows.hear(l, m) })
	}
}

// End says that this owner is gone, or has yielded itself.
func (l *Lender) End() {
	for _, g := range l.pool.Groups() {
		g.do(func(s *groupState, _ time.Time) { s.borrows.lost(l) })
	}
}

// A borrowing is what a group has in place of decisions once it has yielded. Nil is for one that decides; it may be told
// what became of a loan, and does nothing.
type borrowing struct {
	state   *groupState
	lender  *Lender            // nil = there is none just now
	known   map[int]*Process   // by their numbers: those that are not gone
	waiting map[uint64]*waiter // by their tickets: what is in the queue
	tickets uint64             // so far
	closed  bool               // it asks for nothing any more
	last    GroupSnapshot      // when it yielded
}

// from makes another the owner.
func (b *borrowing) from(now time.Time, l *Lender) {
	b.lender = l
	for _, p := range b.state.procs { // in their order, and then those that came later
		b.declare(p)
	}
	for _, p := range b.known {
		if p.borrowed {
			b.declare(p)
		}
	}
	for w := b.state.queue.first; w != nil; w = w.next {
		b.ask(now, w, true)
	}
}

func (b *borrowing) lost(l *Lender) {
	if b.lender == l {
		b.lender = nil
	}
}

func (b *borrowing) tell(m ToOwner) {
	if b.lender != nil {
		m.App = b.state.app.Name
		b.lender.say(m)
	}
}

func (b *borrowing) declare(p *Process) {
	if b.known[p.number] != p {
		return
	}
	m := ToOwner{Verb: verbDeclare, Process: p.number, Requests: p.requests, Connections: p.connections, Places: p.places, Begun: int(p.begun.Load())}
	for _, since := range p.stuck {
		m.Stuck = append(m.Stuck, since.UnixNano())
	}
	b.tell(m)
}

// enter gives a request that waits its ticket.
func (b *borrowing) enter(w *waiter) {
	b.tickets++
	w.ticket = b.tickets
	b.waiting[w.ticket] = w
}

func (b *borrowing) ask(now time.Time, w *waiter, queued bool) {
	m := ToOwner{Verb: verbAcquire, Ticket: w.ticket, Pin: w.wish.Pin, Queued: queued}
	if w.wish.Avoid != nil {
		m.Avoid = w.wish.Avoid.number
	}
	if !w.deadline.IsZero() {
		m.Wait = max(1, int64(w.deadline.Sub(now)))
	}
	b.tell(m)
}

// acquire has a request wait that could not be lent anything.
func (b *borrowing) acquire(now time.Time, w *waiter) error {
	if b.closed {
		return ErrClosed
	}
	b.enter(w)
	b.ask(now, w, false)
	return nil
}

// left says that a request does not wait any more which nobody has answered.
func (b *borrowing) left(w *waiter) {
	if b != nil && b.waiting[w.ticket] == w {
		delete(b.waiting, w.ticket)
		b.tell(ToOwner{Verb: verbAbandon, Ticket: w.ticket})
	}
}

// says has the owner know what becomes of p, which was lent.
func (b *borrowing) says(v verb, p *Process, o Outcome) {
	if b != nil {
		b.report(p, ToOwner{Verb: v, Outcome: o})
	}
}

func (b *borrowing) report(p *Process, m ToOwner) {
	if b.known[p.number] == p { // else it is gone, and nothing of it is lent
		m.Process, m.Begun = p.number, int(p.begun.Load())
		b.tell(m)
	}
}

// hear takes what the owner says, unless there is another one by now.
func (b *borrowing) hear(from *Lender, m ToBorrower) {
	if b.lender != from {
		return
	}
	p := b.known[m.Process]
	switch m.Verb {
	case verbIntroduce:
		if p == nil {
			b.known[m.Process] = newBorrowed(m)
		}
	case verbLend:
		b.lent(m.Ticket, p)
	case verbRefuse:
		if w := b.waiting[m.Ticket]; w != nil {
			delete(b.waiting, m.Ticket)
			b.state.answer(w, nil, m.Refusal.err())
		}
	case verbLeaves:
		if p != nil {
			p.asked.Store(true)
			p.leaves()
		}
	case verbGone:
		if p != nil {
			delete(b.known, m.Process)
			p.leaves()
			close(p.gone)
		}
	}
}

// lent has a request have p. If it has left meanwhile, p goes back.
func (b *borrowing) lent(ticket uint64, p *Process) {
	if p == nil {
		return
	}
	w := b.waiting[ticket]
	if w == nil {
		b.says(verbReturn, p, Unanswered)
		return
	}
	delete(b.waiting, ticket)
	p.requests++
	p.lent++
	b.state.answer(w, p, nil)
}

// newBorrowed is a process that the owner has started since.
func newBorrowed(m ToBorrower) *Process {
	p := &Process{number: m.Process, generation: &generation{number: m.Generation}, child: m.Child, state: Ready, place: -1, borrowed: true,
		cancel: func() {}, gone: make(chan struct{}), leaving: make(chan struct{})}
	p.retired.Store(true)
	return p
}

// close refuses what waits, and what comes.
func (b *borrowing) close() {
	b.closed = true
	b.state.rejectAll(ErrClosed)
}
