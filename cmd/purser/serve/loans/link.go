// Package loans carries what the fronts of an upgrade say to one another: those that served before (old fronts) finish
// what they have with processes that the newest (the owner) lends them. What is said is the pool's; here it gets from
// one to the other.
package loans

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// mostQueued is how many messages may wait for a peer that does not read: more than requests and connections could have
// caused. Such a peer is given up.
const mostQueued = 1 << 18

// A Link sends messages to one peer, in their order and without anybody waiting for it, and receives its own. Open
// makes it, Close ends it.
type Link struct {
	conn *net.UnixConn
	work sync.WaitGroup // the goroutine that sends

	mu     sync.Mutex // guards what follows
	queue  [][]byte
	more   *sync.Cond
	closed bool
}

// Open makes a link of a socket that keeps the bounds of messages (SOCK_SEQPACKET), which is closed at its end.
func Open(conn *net.UnixConn) *Link {
	l := &Link{conn: conn}
	l.more = sync.NewCond(&l.mu)
	l.work.Go(l.run)
	return l
}

// Send sends a message as soon as it can. What is said to a peer that is gone is lost.
func (l *Link) Send(m Message) {
	p, err := m.packet()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return
	case err != nil, len(l.queue) == mostQueued: // what follows would not be understood without it
		l.end()
		return
	}
	l.queue = append(l.queue, p)
	l.more.Signal()
}

func (l *Link) run() {
	for {
		queue, open := l.take()
		if !open {
			return
		}
		for _, p := range queue {
			if _, err := l.conn.Write(p); err != nil {
				l.End()
				return
			}
		}
	}
}

func (l *Link) take() (queue [][]byte, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.more.Wait()
	}
	queue, l.queue = l.queue, nil
	return queue, !l.closed
}

// Receive calls take for each message until the peer ends or says what is none; then the link is at its end.
func (l *Link) Receive(take func(Message) error) error {
	defer l.End()
	buffer := make([]byte, mostSize+1)
	for {
		n, err := l.conn.Read(buffer)
		if errors.Is(err, unix.ECONNRESET) { // once, if the other has ended and not read all: what it had said is still to be read
			n, err = l.conn.Read(buffer)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := parse(buffer[:n])
		if err == nil {
			err = take(m)
		}
		if err != nil {
			return fmt.Errorf("another process of purser is given up: %w", err)
		}
	}
}

// End has nothing sent any more, and Receive return.
func (l *Link) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// end is called with mu held.
func (l *Link) end() {
	l.closed = true
	l.conn.Close()
	l.more.Signal()
}

// Close ends the link. It returns when nothing of it runs, but Receive.
func (l *Link) Close() {
	l.End()
	l.work.Wait()
}
