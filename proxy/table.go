package proxy

import (
	"cmp"
	"sync/atomic"
	"time"

	"purser/conf"
	"purser/proxy/cache"
	"purser/proxy/files"
	"purser/proxy/upstream"
)

// A table is what requests are answered by. It never changes: another takes its place, all at once, and a request
// goes by the one that was there when it came.
type table struct {
	routes    *routes
	security  *security                              // nil without https
	proof     func(host, path string) (string, bool) // see Config
	access    accessLog
	trustUnix bool              // the X-Forwarded-* of all peers on unix sockets are believed
	tallies   map[string]*tally // by app
}

// newTable goes on with what it can of the one before.
func (s *Server) newTable(c Config, before *table) *table {
	t := &table{access: newAccessLog(c), trustUnix: c.Server.TrustUnix, tallies: map[string]*tally{}}
	sites := before.routes.byName()
	t.routes = newRoutes(c.Apps, func(app conf.App) *site {
		to := s.newSite(app, c, sites[app.Name])
		to.terms.Timed = t.access.timed || app.SlowRequest > 0
		if to.tally != nil {
			t.tallies[app.Name] = to.tally
		}
		return to
	})
	t.security, t.proof = newSecurity(c.Certs, cmp.Or(c.Server.HTTPSPort, c.HTTPSPort)), c.Proof
	return t
}

func (r *routes) byName() map[string]*site {
	sites := make(map[string]*site, len(r.all))
	for _, to := range r.all {
		sites[to.app.Name] = to
	}
	return sites
}

// newSite prepares for an app's requests what it asks for. What was counted and stored for it before is gone on with.
func (s *Server) newSite(app conf.App, c Config, before *site) *site {
	to := &site{app: app, group: c.Pool.Group(app.Name), stopped: c.Stopped[app.Name]}
	to.limits = newLimits(app.PathLimits, before)
	to.canonical = app.Canonical
	to.guard = newGuard(app, c.Passwords, before)
	to.maintenance, to.admits = c.maintenanceOf(app), admittanceOf(app.Maintenance)
	to.redirects = newRedirects(app.Redirects)
	to.static = s.staticsOf(to, c, before)
	to.public = s.publicOf(to, c, before)
	to.cache = newCache(to, before)

	to.taking = s.takingOf(app.Name)
	to.buffers = newBuffering(app)
	if app.Environment == "development" {
		to.fresh = c.Fresh
	}
	if app.Affinity == "forward" {
		to.pins = newPins(app.Name, app.Path, c.AffinityKey)
	}
	to.tracing = tracingOf(app.Traceparent)
	to.terms = upstream.Terms{Limit: app.RequestTimeout, Silence: app.HangAfter, Stall: app.AnswerStall, LookOut: to.unlimited(), Sweeper: s.sweeper, Context: s.ctx, Kept: s.descriptors.kept}

	to.accel = newAccel(app, to.group, c.ownerOf(app, ""))
	to.pages = newPages(&to.app, c.ReadPage, to.group.Releases, s.clock.Now, s.log.With("app", app.Name))
	to.headers, to.hsts = newHeaders(app.Headers), hstsField(app.TLS)
	to.compression = newCompression(app.Compress, &s.encoders)
	to.tally = newTally(c, before)
	return to
}

// newTally returns nil if nobody reads it.
func newTally(c Config, before *site) *tally {
	switch {
	case c.Server.Metrics == "":
		return nil
	case before != nil && before.tally != nil:
		return before.tally
	}
	return &tally{}
}

// newCache returns nil for an app that has none: in development each request looks for new code, and a visitor who is
// pinned to it may not be given what older code has answered.
func newCache(to, before *site) *cache.Cache {
	c := to.app.Cache
	switch {
	case c.Size == 0, to.app.Affinity == "forward", to.app.Environment == "development":
		return nil
	case before != nil && before.cache != nil && before.group == to.group && before.app.Cache == c:
		return before.cache
	}
	return cache.New(c.Size, c.MaxObject, cache.Defaults{WhileRevalidate: c.StaleWhileRevalidate, IfError: c.StaleIfError})
}

func (s *Server) takingOf(app string) *atomic.Int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taking[app] == nil {
		s.taking[app] = new(atomic.Int64)
	}
	return s.taking[app]
}

// Change has requests that come from now on answered by another configuration. Those under way go on by the one
// before; whether a client may speak HTTP/2 without TLS is asked for new connections. Every app has a group in the
// pool.
func (s *Server) Change(c Config) {
	before := s.current.Load()
	next := s.newTable(c, before)
	s.current.Store(next)
	s.conns.Trust(c.Server.TrustedProxies, c.Server.TrustUnix, c.Server.ProxyProtocol, c.Server.ProxyUnix)
	s.conns.AllowH2C(c.Server.H2C)
	s.conns.SetLimits(limitsOf(c.Server.Clients))
	s.spool.SetLimit(c.Server.SpoolLimit.Of)
	s.spool.SetMemory(c.Server.BufferMemory.Of(c.RAM))
	kept := map[*files.Public]bool{}
	for _, to := range next.routes.all {
		for _, public := range to.opened() {
			kept[public] = true
		}
	}
	for _, to := range before.routes.all {
		for _, public := range to.opened() {
			if !kept[public] {
				s.wg.Go(func() { s.closeLater(public) })
			}
		}
	}
}

// lastLook is how long static files may be asked for by requests that came before they were no longer served.
const lastLook = 10 * time.Second

func (s *Server) closeLater(public *files.Public) {
	select {
	case <-s.ctx.Done():
	case <-time.After(lastLook):
	}
	public.Close()
}

// TakesIn returns how many requests for an app have a body that is being taken in: they are about to ask for a
// process.
func (s *Server) TakesIn(app string) int64 { return s.takingOf(app).Load() }
