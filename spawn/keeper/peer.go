package keeper

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A peer is whom the keeper talks to: the process that started it, or the front. The keeper never waits for
// one: what it says is queued.
type peer struct {
	conn   *net.UnixConn
	wake   chan struct{} // has a place for one
	done   sync.WaitGroup
	paused atomic.Bool   // it is not to be read just now
	still  chan struct{} // closed when it is not read any more

	mu      sync.Mutex // guards what follows
	queue   []parcel
	sending bool // what was queued
	closed  bool
}

// A parcel is a message on its way, with descriptors that are closed when it is sent.
type parcel struct {
	message
	files []int
}

// A request is a message from a peer with its descriptors; or what was wrong with one; or the last of them.
type request struct {
	message
	files     []int
	from      *peer
	sender    *unix.Ucred // who has sent it, from a newborn process
	wrong     error
	ended     bool
	execution *pendingExecution // that has come about, or not; nothing else is said then
}

// mostQueued is how much may wait to be read by a peer, which is more than what all children of a purser are about.
const mostQueued = 1 << 16

// newPeer reads what a peer says into requests until it ends, and writes what is said to it.
func newPeer(conn *net.UnixConn, requests chan<- request) *peer {
	p := &peer{conn: conn, wake: make(chan struct{}, 1)}
	p.listen(requests)
	p.done.Go(p.write)
	return p
}

// listen reads until the other side or this process ends, or until pause.
func (p *peer) listen(requests chan<- request) {
	p.paused.Store(false)
	p.still = make(chan struct{})
	go p.read(requests, p.still)
}

// pause has it not be read any more, when still is closed; what was read is in the requests.
func (p *peer) pause() {
	p.paused.Store(true)
	_ = p.conn.SetReadDeadline(time.Unix(1, 0))
}

// isIdle reports whether all was sent that was said.
func (p *peer) isIdle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) == 0 && !p.sending
}

// socket is its descriptor, -1 if there is none.
func (p *peer) socket() int {
	fd := -1
	if p == nil {
		return fd
	}
	if raw, err := p.conn.SyscallConn(); err == nil {
		_ = raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd
}

func (p *peer) read(requests chan<- request, still chan<- struct{}) {
	defer close(still)
	for {
		m, files, sender, err := receiveFrom(p.conn)
		if err == nil {
			err = m.refuses(files)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && p.paused.Load() {
			return
		}
		_, malformed := errors.AsType[errMalformed](err)
		if malformed { // not by who obeys requests: whose files they are may have a close(2) wait for him
			closeFiles(files)
			files = nil
		}
		requests <- request{message: m, files: files, from: p, sender: sender, wrong: err, ended: err != nil && !malformed}
		if err != nil && !malformed {
			return
		}
	}
}

// say queues a message, whose descriptors are the peer's from now on.
func (p *peer) say(m message, files ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		closeFiles(files)
		return
	}
	if len(p.queue) == mostQueued {
		p.conn.Close() // it reads nothing: its end follows
	}
	p.queue = append(p.queue, parcel{m, files})
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *peer) write() {
	for range p.wake {
		for all := p.queued(); len(all) > 0; all = p.queued() {
			for _, parcel := range all {
				_ = parcel.send(p.conn, parcel.files...) // if it is gone, its end is read
				closeFiles(parcel.files)
			}
		}
	}
}

func (p *peer) queued() []parcel {
	p.mu.Lock()
	defer p.mu.Unlock()
	queued := p.queue
	p.queue, p.sending = nil, len(queued) > 0
	return queued
}

// lastWords is how long the last of what is said may take to be taken.
const lastWords = time.Second

// leave is close for one who may be an app's user: what he has sent along, or does not read, may hold that up.
func (p *peer) leave() { go p.close() }

// close says what is queued, and no more.
func (p *peer) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.conn.SetWriteDeadline(time.Now().Add(lastWords))
	select {
	case p.wake <- struct{}{}:
	default:
	}
	close(p.wake)
	p.done.Wait()
	p.conn.Close()
}
