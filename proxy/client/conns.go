package client

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/sock"
	"purser/proxy/spool"
)

// Config is what the connections need to know.
type Config struct {
	Handler   func() Handler // makes one for each call that is under way
	Sweeper   *sock.Sweeper
	Spool     *spool.Spool
	Log       hclog.Logger
	Trusted   []netip.Prefix // peers whose X-Forwarded-* are believed
	TrustUnix bool           // so are those of all peers on unix sockets
}

// Conns are the open connections of clients.
type Conns struct {
	Config
	ctx    context.Context // ends when nobody may wait for a process any more
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // one goroutine for each connection
	calls  sync.Pool      // of *h1Call

	stopping  atomic.Bool
	lingering atomic.Int32
	faults    atomic.Int64

	mu      sync.Mutex // guards what follows
	first   *conn
	changed *sync.Cond // signalled when a connection ends, or its request becomes a long-lived one
}

// NewConns returns no connections yet.
func NewConns(c Config) *Conns {
	s := &Conns{Config: c}
	s.changed = sync.NewCond(&s.mu)
	s.calls.New = func() any { return &h1Call{in: make([]byte, firstBuffer), handler: c.Handler()} }
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// Add serves a connection until it ends.
func (s *Conns) Add(nc net.Conn) {
	stream, err := sock.New(nc, s.Sweeper)
	if err != nil {
		s.Log.Error("cannot use an accepted connection", "error", err)
		_ = nc.Close()
		return
	}
	c := &conn{set: s, sock: stream, peer: s.newPeer(nc)}
	s.mu.Lock()
	c.next = s.first
	if s.first != nil {
		s.first.prev = c
	}
	s.first = c
	s.mu.Unlock()
	s.wg.Go(c.serve)
}

func (s *Conns) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	s.changed.Broadcast()
}

func (s *Conns) newPeer(c net.Conn) Peer {
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return Peer{Trusted: s.TrustUnix}
	}
	p := Peer{Addr: remote.AddrPort().Addr().Unmap()}
	p.Text = p.Addr.AppendTo(nil)
	p.Trusted = s.Trusts(p.Addr)
	if _, port, err := net.SplitHostPort(c.LocalAddr().String()); err == nil {
		p.Port = []byte(port)
	}
	return p
}

// Trusts reports whether the X-Forwarded-* of a peer with that address are believed.
func (s *Conns) Trusts(a netip.Addr) bool {
	for _, p := range s.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// each calls f for every open connection, with the list's lock held: f must not block.
func (s *Conns) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		f(c)
	}
}

// Shed ends connections so that their descriptors become free: all that are idle, or, if none is, the one
// that has been sending its request's head for the longest time.
func (s *Conns) Shed() {
	if s.dropIdle() == 0 {
		if oldest := s.oldest(reading); oldest != nil {
			oldest.sock.GiveUp()
			oldest.sock.Wake()
		}
	}
}

// dropIdle ends the connections that have nothing to lose and returns how many these are.
func (s *Conns) dropIdle() (n int) {
	s.each(func(c *conn) {
		if c.mayDrop() {
			c.drop()
			n++
		}
	})
	return n
}

// oldest returns the connection that has been in a phase for the longest time.
func (s *Conns) oldest(in phase) (oldest *conn) {
	s.each(func(c *conn) {
		if c.present() == in && !c.dropped.Load() && (oldest == nil || c.since.Load() < oldest.since.Load()) {
			oldest = c
		}
	})
	return oldest
}

// Stop closes idle connections, and the others after what they are at.
func (s *Conns) Stop() {
	s.stopping.Store(true)
	s.dropIdle()
}

// Await waits until no connection has a request that will end by itself. It returns the cause of ctx's
// end if that comes first.
func (s *Conns) Await(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.notice)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.changed.Wait()
	}
	return nil
}

func (s *Conns) notice() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// busy is called with mu held.
func (s *Conns) busy() bool {
	for c := s.first; c != nil; c = c.next {
		if p := c.present(); p == reading || p == serving {
			return true
		}
	}
	return false
}

// Refuse ends the waits for a process with ErrStopping, and gives those who waited some time to be told.
func (s *Conns) Refuse(within time.Duration) {
	s.cancel(ErrStopping)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = s.Await(ctx)
}

// Faults returns how many connections a fault of ours has ended.
func (s *Conns) Faults() int64 { return s.faults.Load() }

// Close cuts what is left, and returns when every connection has ended.
func (s *Conns) Close() {
	s.cancel(ErrStopping)
	s.each(func(c *conn) {
		c.sock.GiveUp() // no shutdown: it would look like the end of an answer that is cut
		c.sock.Wake()
	})
	s.wg.Wait()
}
