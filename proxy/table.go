package proxy

import (
	"cmp"
	"reflect"
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

// newSite prepares for an app's requests what it asks for. What was counted for it before is gone on with.
func (s *Server) newSite(app conf.App, c Config, before *site) *site {
	to := &site{app: app, group: c.Pool.Group(app.Name), hsts: hstsField(app.TLS), stopped: c.Stopped[app.Name], taking: s.takingOf(app.Name), tracing: tracingOf(app.Traceparent)}
	to.terms = upstream.Terms{Limit: app.RequestTimeout, Silence: app.HangAfter, Stall: app.AnswerStall, LookOut: to.unlimited(), Sweeper: s.sweeper, Context: s.ctx, Kept: s.descriptors.kept}
	to.canonical, to.redirects, to.headers = app.Canonical, newRedirects(app.Redirects), newHeaders(app.Headers)
	to.guard = newGuard(app, c.Passwords, before)
	switch {
	case c.Server.Metrics == "":
	case before != nil && before.tally != nil:
		to.tally = before.tally
	default:
		to.tally = &tally{}
	}
	to.maintenance, to.admits = c.maintenanceOf(app), admittanceOf(app.Maintenance)
	to.pages = newPages(&to.app, c.ReadPage, to.group.Releases, s.clock.Now, s.log.With("app", app.Name))
	switch {
	case app.Public == "":
	case to.sharesFiles(before):
		to.public = before.public
	default:
		to.public = files.New(files.Config{Releases: to.group.Releases, Folder: app.Public, Path: app.Path,
			StartupFile: app.StartupFile, User: userOf(app), Now: s.clock.Now, Log: s.log.With("app", app.Name), Owner: c.ownerOf(app, app.Public),
			MaxAge: app.Files.MaxAge, Fingerprinted: app.Files.Fingerprinted, Precompressed: app.Files.Precompressed, Allowance: s.files})
	}
	to.limits = newLimits(app.PathLimits, before)
	to.buffers = newBuffering(app)
	to.compression = newCompression(app.Compress, &s.encoders)
	to.static = s.staticsOf(to, c, before)
	to.accel = newAccel(app, to.group, c.ownerOf(app, ""))
	switch {
	case app.Cache.Size == 0, app.Affinity == "forward", app.Environment == "development": // where each request looks for new code
	case before != nil && before.cache != nil && before.group == to.group && before.app.Cache == app.Cache:
		to.cache = before.cache
	default:
		to.cache = cache.New(app.Cache.Size, app.Cache.MaxObject, cache.Defaults{WhileRevalidate: app.Cache.StaleWhileRevalidate, IfError: app.Cache.StaleIfError})
	}
	if app.Affinity == "forward" {
		to.pins = newPins(app.Name, app.Path, c.AffinityKey)
	}
	if app.Environment == "development" {
		to.fresh = c.Fresh
	}
	return to
}

// userOf is for whom static files are read, nil for purser's own user.
func userOf(app conf.App) *files.User {
	if app.RunsAs == nil {
		return nil
	}
	return &files.User{UID: app.RunsAs.UID, GID: app.RunsAs.GID, Groups: app.RunsAs.Groups}
}

// sharesFiles reports whether the static files are those of the site before.
func (to *site) sharesFiles(before *site) bool {
	return before != nil && before.public != nil && before.app.Public == to.app.Public && to.sharesReleases(before)
}

// sharesReleases reports whether the files are those of the same releases, for the same user, at the same place.
func (to *site) sharesReleases(before *site) bool {
	return before.group == to.group && before.app.Path == to.app.Path && before.app.Files == to.app.Files && before.app.StartupFile == to.app.StartupFile && reflect.DeepEqual(userOf(before.app), userOf(to.app))
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
