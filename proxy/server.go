// Package proxy is the world's face: it accepts connections, finds the app, takes in the request,
// borrows a process, forwards, gives the process back and passes the answer on.
//
// A request is a call from a client (proxy/client), answered by a reply, wherever that comes from: a
// process (proxy/upstream), a file (proxy/files), Purser itself. exchange.go has the order in which what
// can answer is asked.
//
// A process is held only between two buffers. The request's body is complete, in memory or in an
// unlinked file (proxy/spool), before a process is asked for; the answer is taken from the process as
// fast as it comes, whatever the speed of the client. So a slow client costs a goroutine, never a
// process.
//
// WebSockets and event streams of a process that is to exit are closed one by one, each between two
// messages, so that their clients connect again at different times.
//
// It is an HTTP/1.1 engine of its own (RFC 9112), and one of HTTP/2 (RFC 9113), because strictness and cost
// both need it: see proxy/wire for what is refused.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/proxy/certs"
	"purser/proxy/client"
	"purser/proxy/coding"
	"purser/proxy/files"
	"purser/proxy/passwords"
	"purser/proxy/sock"
	"purser/proxy/spool"
)

// Config is what a Server needs to know.
type Config struct {
	Server conf.Server
	Apps   []conf.App // each has a group of its name in Pool
	Pool   *pool.Pool
	Log    hclog.Logger
	RAM    int64 // bytes that there are for purser and all beside it

	// Access takes the lines of the access log. It must not wait, and copies what it keeps; nil = off.
	Access func(line []byte)

	// UnderWay counts the requests that are being served, where somebody else may look at it; nil = nobody does.
	UnderWay *atomic.Int64

	// Stopped are the apps that nobody is served by, as an operator has stopped them.
	Stopped map[string]bool

	// Maintenance says of each app whether it is in maintenance, and goes on saying it; nil = none ever is.
	Maintenance func(app string) *Maintenance

	// ReadPage reads a page that the configuration of an app names, in a release or by an absolute path, as whoever may
	// read it; nil = visitors are shown purser's own.
	ReadPage func(app conf.App, release, name string) ([]byte, error)

	// Certs are those of https, which is at HTTPSPort for clients, unless Server says another; nil and 0 = there is
	// none.
	Certs     *certs.Store
	HTTPSPort int

	// Proof is what an authority is answered that asks for a path below /.well-known/acme-challenge/ of a host, in
	// lower case; false = it is none of ours. It may be nil.
	Proof func(host, path string) (string, bool)

	// Passwords are who has which, by the files that the apps name.
	Passwords map[string]*passwords.List

	// AffinityKey signs the pins of visitors, which are good for as long as it is the same; nil = a new one.
	AffinityKey []byte

	// Fresh, if it is not nil, is called before a request for an app whose environment is "development"
	// is given to a process. A pin above 0 is the number of the oldest generation that may serve it.
	// With an error the request is answered 503.
	Fresh func(app string) (pin int, err error)

	// Owner opens files of an app as its user, where purser itself may not: static ones, of a folder of its releases or
	// by the last part of an absolute path, and those that the app may have sent. Nil = nobody does. What it returns may go
	// on being used while the app is configured otherwise.
	Owner func(app conf.App, folder string) files.Owner
}

func (c *Config) ownerOf(app conf.App, folder string) files.Owner {
	if c.Owner == nil {
		return nil
	}
	return c.Owner(app, folder)
}

func (c *Config) maintenanceOf(app conf.App) *Maintenance {
	if c.Maintenance == nil {
		return nil
	}
	return c.Maintenance(app.Name)
}

// A Server serves the apps of a pool to clients.
type Server struct {
	parts
	conns      *client.Conns
	cancel     context.CancelFunc // ends the parts' context
	stopping   atomic.Bool
	complaints complaints
	encoders   coding.Pools
	accepting  sync.WaitGroup // serve
	wg         sync.WaitGroup // the sweeper, the keeper of memory, and those who close long-lived connections

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	taking    map[string]*atomic.Int64 // requests whose body is being taken in, by app
}

// New returns a server; Serve makes it work. Shutdown must be called at the end.
func New(c Config) *Server {
	s := &Server{parts: parts{log: c.Log.Named("proxy"), sweeper: sock.NewSweeper()}}
	s.clock = s.sweeper.Clock
	if s.underWay = c.UnderWay; s.underWay == nil {
		s.underWay = &atomic.Int64{}
	}
	s.descriptors = newDescriptors(s.sweeper)
	s.files = s.descriptors.forFiles()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.spool = spool.New(c.Server.SpoolLimit.Of, c.Server.BufferMemory.Of(c.RAM), s.clock)
	s.spool.Kept = s.descriptors.kept
	s.rejects = &rejectLog{log: s.log, ration: ration{clock: s.clock}}
	s.slows = &slowLog{log: s.log, ration: ration{clock: s.clock}}
	s.conns = client.NewConns(client.Config{Handler: func() client.Handler { return s.newExchange() }, Sweeper: s.sweeper, Spool: s.spool, Log: s.log,
		Trusted: c.Server.TrustedProxies, TrustUnix: c.Server.TrustUnix, H2C: c.Server.H2C, Room: s.descriptors.room, NoRoomAnswer: noRoom.inClear(), GreedAnswer: greedy.inClear(), Limits: limitsOf(c.Server.Clients),
		ProxyProtocol: c.Server.ProxyProtocol, ProxyUnix: c.Server.ProxyUnix, Refused: s.rejects.refused,
		Unspooled: (&unspooledLog{log: s.log, ration: ration{clock: s.clock}}).note})
	s.trusts = s.conns.Trusts
	s.taking = map[string]*atomic.Int64{}
	s.current.Store(s.newTable(c, &table{routes: &routes{}}))
	s.closings, s.refreshes = newClosings(s.ctx, &s.wg), newRefreshes()
	s.wg.Go(func() { s.sweeper.Run(s.ctx) })
	s.wg.Go(func() { keepMemory(s.ctx) })
	return s
}

// Serve accepts connections on l until Shutdown, which closes l. It returns nil then.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, nil) }

// ServeTLS is Serve for connections that speak TLS, with the certificates that the server has.
func (s *Server) ServeTLS(l net.Listener) error {
	return s.serve(l, s.current.Load().security.certs.Config())
}

func (s *Server) serve(l net.Listener, secure *tls.Config) error {
	if !s.listenTo(l) {
		return l.Close()
	}
	defer s.accepting.Done()
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.accepted(s.conns.AddTLS(c, secure))
			runtime.Gosched() // else what came before a thousand connections would wait until all are accepted
		case s.stopping.Load():
			return nil
		case s.hasLeft(l):
			return l.Close()
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.notAccepted(err)
		}
	}
}

// listenTo has Shutdown close l. It reports false if that was called before.
func (s *Server) listenTo(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners = append(s.listeners, l)
	s.accepting.Add(1)
	return true
}

// lastAnswers is how long those who are told that the server stops have to read it.
const lastAnswers = time.Second

// Shutdown stops accepting, closes idle connections and waits until every request is answered, or
// until ctx ends. Then those that still wait for a process are refused, and what is left is cut: tunnels
// and event streams, which may last for ever, and requests whose time is over. It returns the cause of
// ctx's end if requests were cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closeListeners()
	s.conns.Stop()
	err := s.conns.Await(ctx)
	if err != nil {
		s.conns.Refuse(lastAnswers)
	}
	s.cancel()
	s.conns.Close()
	s.refreshes.running.Wait()
	s.wg.Wait()
	for _, to := range s.current.Load().routes.all {
		for _, public := range to.opened() {
			public.Close()
		}
	}
	return err
}

func (s *Server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping.Store(true)
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// Spool returns how many bytes of bodies and answers wait in files, and how many may.
func (s *Server) Spool() (held, most int64) { return s.spool.Use() }

// InMemory returns how many bytes of bodies and answers wait in memory, and how many may.
func (s *Server) InMemory() (held, most int64) { return s.spool.InMemory() }

// Unannounced returns how many connections were refused that a peer of proxy_protocol did not begin with a
// header of the PROXY protocol.
func (s *Server) Unannounced() int64 { return s.conns.Unannounced() }

// Faults returns how many connections were ended by a fault in purser.
func (s *Server) Faults() int64 { return s.faults.Load() + s.conns.Faults() }
