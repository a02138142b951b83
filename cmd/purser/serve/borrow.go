package serve

import (
	"context"
	"net"
	"os"
	"time"

	"purser/cmd/purser/serve/loans"
	"purser/pool"
	"purser/proxy/upstream"
)

// This file is how an old front borrows processes from the owner, and from the next if that one ends.

// leftLook is how often an old front says what it has left.
const leftLook = time.Second

// borrow borrows from each owner in turn, until over ends.
func (p *purser) borrow(over context.Context) {
	since := time.Now()
	for {
		select {
		case conn := <-p.Keeper.Owners():
			p.borrowFrom(over, conn, loans.Hello{PID: os.Getpid(), Version: p.Version, Since: since})
		case <-over.Done():
			return
		}
	}
}

// borrowFrom borrows from one owner until that ends, or over.
func (p *purser) borrowFrom(over context.Context, conn *net.UnixConn, hello loans.Hello) {
	link := loans.Open(conn)
	defer link.Close()
	defer context.AfterFunc(over, link.End)()
	link.Send(loans.Message{Hello: &hello})
	p.sayLeft(link)
	lender := p.shared.pool.BorrowFrom(func(m pool.ToOwner) { link.Send(loans.Message{ToOwner: &m}) })
	defer lender.End()
	current, ended := context.WithCancel(over)
	defer ended()
	p.work.Go(func() { feed(current, leftLook, func() {}, func() { p.sayLeft(link) }) })
	err := link.Receive(func(m loans.Message) error {
		if m.ToBorrower != nil {
			m.ToBorrower.Child = reachedAt(m.Place)
			lender.Hear(*m.ToBorrower)
		}
		return nil
	})
	p.complain("what serves now is not understood", err)
}

func (p *purser) sayLeft(link *loans.Link) {
	left := p.front.Left()
	link.Send(loans.Message{Left: &loans.Left{Requests: left.Requests, Connections: left.LongLived}})
}

// A borrowed is a process of the owner, as an old front reaches it. What it does in the end is the owner's matter.
type borrowed struct {
	pid      int
	upstream *upstream.Way
}

// reachedAt is the process that is at a place; nil if there is none.
func reachedAt(p *loans.Place) pool.Child {
	if p == nil {
		return nil
	}
	way := upstream.Owned(p.Network, p.Address, p.Owner)
	way.CloseIdle() // the owner's connections are not to wait behind ours
	return borrowed{p.PID, way}
}

func (b borrowed) PID() int                { return b.pid }
func (b borrowed) Upstream() *upstream.Way { return b.upstream }
func (borrowed) Stop()                     {}
func (borrowed) Kill()                     {}
func (borrowed) Backtrace() bool           { return false }
func (borrowed) Wait() error               { return nil }
