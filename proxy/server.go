// Package proxy is the world's face: it accepts connections, finds the app, takes in the request,
// borrows a process, forwards, gives the process back and passes the answer on.
//
// A process is held only between two buffers. The request's body is complete, in memory or in an
// unlinked file, before a process is asked for; the answer is taken from the process as fast as it
// comes, whatever the speed of the client. So a slow client costs a goroutine, never a process.
//
// What is a file below the public folder of an app's release is answered from there, by no process.
// WebSockets and event streams of a process that is to exit are ended one by one, each between two
// messages, so that their clients connect again at different times.
//
// It is an HTTP/1.1 engine of its own (RFC 9112) because strictness and cost both need it: see
// proxy/wire for what is refused.
package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/pool"
	"purser/proxy/files"
)

// Config is what a Server needs to know.
type Config struct {
	Server conf.Server
	Apps   []conf.App // each has a group of its name in Pool
	Pool   *pool.Pool
	Log    hclog.Logger

	// Fresh, if it is not nil, is called before a request for an app whose environment is "development"
	// is given to a process. A pin above 0 is the number of the oldest generation that may serve it.
	// With an error the request is answered 503.
	Fresh func(app string) (pin int, err error)
}

// A Server serves the apps of a pool to clients.
type Server struct {
	log     hclog.Logger
	rejects *rejectLog
	access  *accessLog
	routes  *routes
	trusted []netip.Prefix
	clock   *clock
	stays   *stays
	ctx     context.Context // ends when nothing may be opened any more
	cancel  context.CancelFunc

	stopping atomic.Bool
	wg       sync.WaitGroup // connections, and the sweeper

	mu        sync.Mutex // guards what follows
	first     *conn      // open connections
	listeners []net.Listener
	empty     *sync.Cond // signalled when a connection ends
}

// New returns a server; Serve makes it work. Shutdown must be called at the end.
func New(c Config) (*Server, error) {
	access, err := openAccessLog(c.Server.AccessLog, c.Server.AccessLogFormat, c.Log)
	if err != nil {
		return nil, err
	}
	s := &Server{
		log:     c.Log.Named("proxy"),
		access:  access,
		trusted: c.Server.TrustedProxies,
		clock:   newClock(),
	}
	s.routes = newRoutes(c.Apps, func(app conf.App) *site { return s.newSite(app, c) })
	s.rejects = &rejectLog{log: s.log, clock: s.clock}
	s.empty = sync.NewCond(&s.mu)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stays = &stays{ctx: s.ctx, wg: &s.wg, of: make(map[*pool.Process]map[*stay]bool)}
	s.wg.Go(s.sweep)
	return s, nil
}

// newSite prepares for an app's requests what it asks for.
func (s *Server) newSite(app conf.App, c Config) *site {
	to := &site{app: app, group: c.Pool.Group(app.Name)}
	if app.Public != "" {
		to.public = files.New(files.Config{Releases: to.group.Releases, Folder: app.Public, Path: app.Path,
			StartupFile: app.StartupFile, Now: s.clock.now, Log: s.log.With("app", app.Name)})
	}
	if app.Affinity == "forward" {
		to.pins = newPins(app.Name, app.Path)
	}
	if app.Environment == "development" {
		to.fresh = c.Fresh
	}
	return to
}

// Serve accepts connections on l until Shutdown, which closes l. It returns nil then.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	if s.stopping.Load() {
		return l.Close()
	}
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.start(c)
		case s.stopping.Load():
			return nil
		case outOfDescriptors(err):
			s.log.Warn("cannot accept a connection, no file descriptor is free; raise LimitNOFILE", "error", err)
			s.pause()
		case errors.Is(err, unix.ECONNABORTED):
		default:
			return err
		}
	}
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// pause gives connections time to end: idle ones are asked to, as the cheapest to lose.
func (s *Server) pause() {
	s.wakeIdle()
	select {
	case <-s.ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
}

func (s *Server) start(nc net.Conn) {
	sock, err := newSocket(nc)
	if err != nil {
		s.log.Error("cannot use an accepted connection", "error", err)
		_ = nc.Close()
		return
	}
	c := &conn{srv: s, sock: sock, peer: newPeer(nc, s.trusts)}
	s.mu.Lock()
	c.next = s.first
	if s.first != nil {
		s.first.prev = c
	}
	s.first = c
	s.wg.Add(1)
	s.mu.Unlock()
	go c.serve()
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	s.empty.Broadcast()
	s.mu.Unlock()
	s.wg.Done()
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// each calls f for every open connection, with the list's lock held: f must not block.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.first; c != nil; c = c.next {
		f(c)
	}
}

// sweep looks at the deadlines of all connections at every tick.
func (s *Server) sweep() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		now := s.clock.advance()
		s.each(func(c *conn) { c.sweep(now) })
	}
}

// patience is how long an app may think before it is looked whether anybody still waits.
const patience = time.Second

func (c *conn) sweep(now int64) {
	c.client.sweep(now)
	c.app.sweep(now)
	if asked := c.asked.Load(); asked != 0 && now-asked > int64(patience) && !c.gone.Load() && c.sock.hungUp() {
		c.gone.Store(true)
		c.app.force()
	}
}

// wakeIdle ends the waits of idle connections. They close if the server is stopping, or short of
// descriptors.
func (s *Server) wakeIdle() {
	s.each(func(c *conn) {
		if phase(c.phase.Load()) == idle {
			c.client.force()
		}
	})
}

// Shutdown stops accepting, closes idle connections and waits until every request is answered, or
// until ctx ends. Then it ends what is left: tunnels and event streams, which may last for ever, and
// requests whose time is over. It returns the cause of ctx's end if requests were cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.mu.Lock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	s.wakeIdle()
	err := s.awaitRequests(ctx)
	s.cancel()
	s.cut()
	s.wg.Wait()
	for _, to := range s.routes.all {
		if to.public != nil {
			to.public.Close()
		}
	}
	return errors.Join(err, s.access.close())
}

// awaitRequests waits until no connection has a request that will end by itself.
func (s *Server) awaitRequests(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		s.empty.Broadcast()
		s.mu.Unlock()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy() && ctx.Err() == nil {
		s.empty.Wait()
	}
	if s.busy() {
		return context.Cause(ctx)
	}
	return nil
}

// busy is called with mu held.
func (s *Server) busy() bool {
	for c := s.first; c != nil; c = c.next {
		if p := phase(c.phase.Load()); p == reading || p == serving {
			return true
		}
	}
	return false
}

// cut ends every connection: the sockets are shut down, which all who wait on them notice.
func (s *Server) cut() {
	s.each(func(c *conn) {
		c.gone.Store(true)
		_ = unix.Shutdown(int(c.sock.fd), unix.SHUT_RDWR)
		c.client.force()
		c.app.force()
	})
}

// ReopenLogs opens the access log's file again, for log rotation.
func (s *Server) ReopenLogs() error { return s.access.reopen() }
