package serve

import (
	"slices"
	"sync"
	"time"

	"purser/cmd/purser/serve/loans"
	"purser/pool"
	"purser/spawn/keeper"
	"purser/status"
)

// This file is how the owner lends processes to old fronts, which finish what they have.

// declareTime is how long an old front may take to say what it has been lent. One that hangs does not.
const declareTime = 2 * time.Second

// lenders are the old fronts that live, the oldest first.
type lenders struct {
	mu  sync.Mutex // guards what follows
	old []*oldFront
}

// An oldFront is one that borrows.
type oldFront struct {
	pid      int
	link     *loans.Link
	borrower *pool.Borrower
	ended    chan struct{} // closed when it has

	mu    sync.Mutex // guards what follows
	hello loans.Hello
	left  loans.Left
}

// lend has old fronts borrow from now on. It returns when they have said what they have been lent.
func (p *purser) lend(borrowers []keeper.Borrower) {
	limit := time.NewTimer(declareTime)
	defer limit.Stop()
	for _, b := range borrowers {
		old := p.lendTo(b)
		select {
		case <-old.borrower.Declared():
		case <-old.ended:
		case <-limit.C:
			limit.Reset(0) // for those that follow
			p.Log.Warn("a process that served before an upgrade has not said in time what it has under way, so a restart may cut that off", "pid", b.PID)
		}
	}
}

func (p *purser) lendTo(b keeper.Borrower) *oldFront {
	old := &oldFront{pid: b.PID, link: loans.Open(b.Conn), ended: make(chan struct{})}
	old.borrower = p.shared.pool.LendTo(func(m pool.ToBorrower) { old.link.Send(loans.Message{ToBorrower: &m, Place: placeOf(m.Child)}) })
	p.lenders.enter(old)
	p.work.Go(func() {
		err := old.link.Receive(old.hear)
		old.borrower.End()
		close(old.ended)
		old.link.Close()
		p.lenders.leave(old)
		p.complain("a process that served before an upgrade is not understood, so it gets no process any more", err)
		if !p.yielding.Load() {
			p.Log.Info("a process that served before an upgrade has finished", "pid", old.pid)
		}
	})
	return old
}

// placeOf is how a process is reached that is introduced to an old front.
func placeOf(c pool.Child) *loans.Place {
	known, is := c.(child)
	if !is {
		return nil
	}
	return &loans.Place{PID: known.PID(), Network: known.Network(), Address: known.Address(), Owner: known.Owner()}
}

func (o *oldFront) hear(m loans.Message) error {
	o.mu.Lock()
	if m.Hello != nil {
		o.hello = *m.Hello
	}
	if m.Left != nil {
		o.left = *m.Left
	}
	o.mu.Unlock()
	if m.ToOwner != nil {
		o.borrower.Hear(*m.ToOwner)
	}
	return nil
}

func (o *oldFront) status() status.OldFront {
	o.mu.Lock()
	defer o.mu.Unlock()
	return status.OldFront{PID: o.pid, Version: o.hello.Version, Since: o.hello.Since, Requests: o.left.Requests, Connections: o.left.Connections}
}

func (l *lenders) enter(o *oldFront) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.old = append(l.old, o)
}

func (l *lenders) leave(o *oldFront) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.old = slices.DeleteFunc(l.old, func(other *oldFront) bool { return other == o })
}

// endAll ends the loans, as this front yields or ends itself.
func (l *lenders) endAll() {
	for _, o := range l.list() {
		o.link.End()
	}
}

func (l *lenders) list() []*oldFront {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.old)
}

// OldFronts are the processes that served before, and finish what they have.
func (p *purser) OldFronts() (all []status.OldFront) {
	for _, o := range p.lenders.list() {
		all = append(all, o.status())
	}
	return all
}
