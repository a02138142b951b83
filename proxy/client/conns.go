package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
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
	H2C       bool           // a client may speak HTTP/2 without TLS, if it begins with it

	// ProxyProtocol are peers that begin each connection with a header of the PROXY protocol, before TLS, that
	// says who the client is; with ProxyUnix so do all peers on unix sockets. Refused is told of connections
	// that such a peer has begun with anything else, and of those for which Limits have no place.
	ProxyProtocol []netip.Prefix
	ProxyUnix     bool
	Refused       func(p *Peer, why error)
	Unspooled     func(why error) // told of each answer that cannot wait for its client in a file

	Room         func(fd uintptr) Room // how much there is, as the descriptor of a new connection tells; nil = much
	NoRoomAnswer []byte                // what is said in clear to those who are turned away
	GreedAnswer  []byte                // and to those who have too many connections already

	Limits Limits
}

// Conns are the open connections of clients.
type Conns struct {
	Config
	ctx     context.Context // ends when nobody may wait for a process any more
	cancel  context.CancelCauseFunc
	wg      sync.WaitGroup // one goroutine for each connection
	calls   sync.Pool      // of *h1Call
	streams sync.Pool      // of *h2Call

	trusted     atomic.Pointer[trust]
	limits      atomic.Pointer[Limits]
	h2c         atomic.Bool
	stopping    atomic.Bool // connections end after what they are at
	retiring    atomic.Bool // and who is idle has a last turn first
	lingering   atomic.Int32
	faults      atomic.Int64
	unannounced atomic.Int64

	mu      sync.Mutex // guards what follows
	first   *conn
	count   int
	blocks  map[[16]byte]int // of those that are counted, by whose they are
	changed *sync.Cond       // signalled when a connection ends, or its request becomes a long-lived one
}

// NewConns returns no connections yet.
func NewConns(c Config) *Conns {
	s := &Conns{Config: c, blocks: map[[16]byte]int{}}
	s.Trust(c.Trusted, c.TrustUnix, c.ProxyProtocol, c.ProxyUnix)
	s.AllowH2C(c.H2C)
	s.SetLimits(c.Limits)
	s.changed = sync.NewCond(&s.mu)
	s.calls.New = func() any { return &h1Call{in: make([]byte, firstBuffer), handler: c.Handler()} }
	s.streams.New = func() any { return newH2Call(c.Handler()) }
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// AllowH2C says whether clients that begin from now on may speak HTTP/2 without TLS.
func (s *Conns) AllowH2C(yes bool) { s.h2c.Store(yes) }

// Add serves a connection until it ends.
func (s *Conns) Add(nc net.Conn) { s.AddTLS(nc, nil) }

// AddTLS is Add for one that begins with TLS, unless secure is nil. It tells how much room there was, and whether
// the connection was let in.
func (s *Conns) AddTLS(nc net.Conn, secure *tls.Config) (room Room, in bool) {
	stream, err := sock.New(nc, s.Sweeper)
	if err != nil {
		s.Log.Error("cannot use an accepted connection", "error", err)
		_ = nc.Close()
		return MuchRoom, true
	}
	if room, in = s.makeRoom(stream); !in {
		sayNo(stream, secure == nil, s.NoRoomAnswer)
		stream.Close()
		return room, false
	}
	c := &conn{set: s, sock: stream, secure: secure, peer: s.newPeer(nc)}
	c.announced = s.sendsProxyHeader(&c.peer)
	c.takeTime(expecting)
	if err := s.enter(c); err != nil {
		s.refuse(c, err)
		stream.Close()
		return MuchRoom, false
	}
	s.wg.Add(1)
	go c.serve()
	return room, true
}

func (s *Conns) newPeer(c net.Conn) Peer {
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return *s.judged(&Peer{})
	}
	p := Peer{Addr: remote.AddrPort().Addr().Unmap()}
	p.Text = p.Addr.AppendTo(nil)
	s.judged(&p)
	if local, ok := c.LocalAddr().(*net.TCPAddr); ok {
		p.Port = strconv.AppendInt(nil, int64(local.Port), 10)
	}
	return p
}

// each calls f for every open connection, with the list's lock held: f must not block.
func (s *Conns) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		f(c)
	}
}

// Stop closes idle connections, and the others after what they are at.
func (s *Conns) Stop() {
	s.stopping.Store(true)
	s.retiring.Store(false)
	s.each((*conn).stop)
}

// Retire is Stop for a server in whose place another is: there is time. An idle connection is closed only if no
// request comes for a while, and the answer to one that comes says that it was the last.
func (s *Conns) Retire() {
	s.retiring.Store(true)
	s.stopping.Store(true)
	s.each((*conn).retire)
}

// Retiring reports whether Retire was called, and Stop not since.
func (s *Conns) Retiring() bool { return s.retiring.Load() }

// AwaitNone waits until no connection is left, however long each lasts. It returns the cause of ctx's end if that
// comes first.
func (s *Conns) AwaitNone(ctx context.Context) error {
	return s.await(ctx, func() bool { return s.count > 0 })
}

// Count returns how many connections there are.
func (s *Conns) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Await waits until no connection has a request that will end by itself. It returns the cause of ctx's
// end if that comes first.
func (s *Conns) Await(ctx context.Context) error { return s.await(ctx, s.busy) }

// await waits as long as some of them are to be waited for, which is asked with mu held.
func (s *Conns) await(ctx context.Context, some func() bool) error {
	stop := context.AfterFunc(ctx, s.notice)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for some() {
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
		if p := c.present(); p == reading || p == taking || p == serving {
			return true
		}
	}
	return false
}

// Refuse ends the waits for a process with ErrStopping, and those for requests that are not here to their
// end. It gives who is refused some time to be told.
func (s *Conns) Refuse(within time.Duration) {
	s.cancel(ErrStopping)
	s.each(func(c *conn) { c.sock.Wake() }) // who waits for a request's bytes looks again
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = s.Await(ctx)
}

// Faults returns how many connections a fault of ours has ended.
func (s *Conns) Faults() int64 { return s.faults.Load() }

// Close cuts what is left, and returns when every connection has ended. Each ends itself: to shut it down from
// here would end an answer in order that is not whole. A wake may be taken back as it comes, so there are more.
func (s *Conns) Close() {
	s.cancel(ErrStopping)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.wg.Wait()
	}()
	for {
		s.each(func(c *conn) {
			c.sock.GiveUp()
			c.sock.Wake()
		})
		select {
		case <-ended:
			return
		case <-time.After(sock.Tick):
		}
	}
}
