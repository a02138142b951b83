package status

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/restart"
	"purser/restart/history"
)

// Config is what a Server needs. Every field is required unless it says otherwise.
type Config struct {
	Name         string
	Version      string
	PID          int             // of the main process
	Confined     bool            // root has started purser, and this process, which serves, is another user
	Members      bool            // of the group of the admin socket may call, too
	Listen       func() []string // shown only
	Awaited      func() []string // where files with apps are to come, if there is none yet; may be nil
	MaxProcesses func() int      // shown only; 0 = no pool-wide cap
	Pool         *pool.Pool
	Log          hclog.Logger

	// Token is what callers over TCP have to show. If it is "", nobody gets in over TCP.
	Token string

	Restarts  Restarts
	Operated  Operated
	Upgrading Upgrading
	History   *history.History

	Started time.Time // when purser was; required

	// Spool returns how many bytes of requests and answers wait in files, and how many may. Faults returns
	// how many connections were ended by a fault in purser.
	Spool  func() (held, limit int64)
	Faults func() int64

	// InMemory returns how many bytes of requests and answers wait in memory, and how many may.
	InMemory func() (held, limit int64)

	// Unannounced returns how many connections were refused for want of a header of the PROXY protocol.
	Unannounced func() int64

	// RequestsLost returns how many requests were being served when the process that serves crashed.
	RequestsLost func() int64

	// LinesLost returns how many lines of each log were dropped.
	LinesLost func() map[string]int64

	// CrashLinesLost returns how many lines of logs waited to be written when the process that serves crashed.
	CrashLinesLost func() int64

	// Traffic returns what was counted of an app's requests; known is false if nothing is counted. Ledger
	// is what happened to processes and restarts. Both may be nil.
	Traffic func(app string) (t Traffic, known bool)
	Ledger  *Ledger

	// Maintenance is by what an app is in maintenance, ByCommand or ByFile; "" = it is not. It may be nil.
	Maintenance func(app string) string
	// Cached returns what is kept of an app's answers; known is false if it has no cache. Purge forgets what is kept of a
	// path, "" = of all, as proxy.Server says; caches is false if it has no cache. Both may be nil.
	Cached func(app string) (c Cache, known bool)
	Purge  func(app, path string) (pages int, caches bool)

	// Sources returns the fork sources of an app, with no figures of the kernel. It may be nil.
	Sources func(app string) []Source

	// Certificates returns those that https is served with. It may be nil.
	Certificates func() []Certificate

	// Stop begins a graceful stop of the whole purser and returns at once. It may be called again. By is who asks.
	Stop func(by string)
}

// Restarts is what begins restarts, takes them back, and knows why one is needed. What may not be done as
// purser is stopping is refused with pool.ErrClosed.
type Restarts interface {
	// Restart begins a restart of g with the code that its root leads to now: the request has no release yet.
	// It fails if there is no such code. It may take a while, for a hook that has to allow the restart; one
	// that may not be is returned as one that has failed. The request's strategy is one that there is.
	Restart(g *pool.Group, r pool.RestartRequest) (pool.RestartSnapshot, error)

	// Rollback and Promote fail as those of pool.Group do.
	Rollback(g *pool.Group, by, reason string) (pool.RestartSnapshot, error)
	Promote(g *pool.Group) (pool.RestartSnapshot, error)

	// Mark notes that an app needs a restart, for as long as no restart was done.
	Mark(app, reason string) error

	// Needs returns why an app needs a restart, oldest first; none is an empty list, never nil.
	Needs(app string) []restart.Need
}

// A Server answers the admin API.
type Server struct {
	Config
	http    *http.Server
	reading *http.Server    // for those who may only read
	ending  context.Context // ends the long polls and the event streams
	end     context.CancelFunc

	refusals refusals
	leaving  leaving
}

// NewServer returns a Server that has yet to Serve.
func NewServer(c Config) *Server {
	s := &Server{Config: c}
	s.ending, s.end = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.routes(),
		ConnContext:       withPeer,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      maxWait + answerTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          c.Log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	s.reading = &http.Server{
		Handler: s.readable(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: answerTimeout, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: s.http.ErrorLog,
	}
	s.http.ConnState, s.reading.ConnState = s.leaving.track, s.leaving.track
	return s
}

// Serve answers calls that come in on ln until Shutdown. On a unix socket it answers root and the
// user it runs as; elsewhere those who know the token.
func (s *Server) Serve(ln net.Listener) error {
	return s.leaving.accept(s.http, ln)
}

// ServeMetrics answers everybody who asks for metrics or health on ln, and nothing else, until ln is closed or Shutdown.
func (s *Server) ServeMetrics(ln net.Listener) error {
	if err := s.leaving.accept(s.reading, ln); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Shutdown ends the long polls and the event streams, lets the other calls finish and returns then, or when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end()
	return errors.Join(s.http.Shutdown(ctx), s.reading.Shutdown(ctx))
}

func (s *Server) routes() http.Handler {
	r := newRouter(s.authorise, s.stays)
	r.Get("/v1/status", s.getStatus)
	r.Get("/v1/apps", s.getApps)
	r.Get("/v1/apps/{app}", s.getApp)
	r.Post("/v1/apps/{app}/restarts", s.postRestart)
	r.Post("/v1/apps/{app}/rollback", s.postRollback)
	r.Post("/v1/apps/{app}/promote", s.postPromote)
	r.Post("/v1/apps/{app}/mark", s.postMark)
	r.Post("/v1/apps/{app}/processes/{pid}/detach", s.postDetach)
	r.Delete("/v1/apps/{app}/cache", s.deleteCache)
	r.Get("/v1/restarts", s.getRestarts)
	r.Get("/v1/restarts/{id}", s.getRestart)
	r.Get("/v1/events", s.getEvents)
	r.Post("/v1/apps/{app}/stop", s.postStopApp)
	r.Post("/v1/apps/{app}/start", s.postStartApp)
	r.Post("/v1/apps/{app}/scale", s.postScaleApp)
	r.Post("/v1/apps/{app}/maintenance", s.postMaintenance)
	r.Post("/v1/apps/{app}/pause", s.postPause)
	r.Post("/v1/apps/{app}/resume", s.postResume)
	r.Post("/v1/reload", s.postReload)
	r.Post(upgradePath, s.postUpgrade)
	r.Get("/v1/history", s.getHistory)
	r.Get("/v1/apps/{app}/history", s.getHistory)
	r.Post("/v1/stop", s.postStop)
	s.routeReadable(r)
	return r
}

// readable are the routes for those who may only read.
func (s *Server) readable() http.Handler {
	r := newRouter()
	s.routeReadable(r)
	return r
}

func newRouter(first ...func(http.Handler) http.Handler) chi.Router {
	r := chi.NewRouter()
	r.Use(first...)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, CodeNotFound, "there is nothing at %s", r.URL.Path)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) { refuseMethod(w, req, r) })
	return r
}

func (s *Server) routeReadable(r chi.Router) {
	for path, handler := range map[string]http.Handler{
		"/healthz": http.HandlerFunc(s.getHealth), "/readyz": http.HandlerFunc(s.getReady), "/metrics": s.metrics(),
	} {
		r.Method(http.MethodGet, path, handler)
		r.Method(http.MethodHead, path, handler)
	}
}

// refuseMethod answers 405 with the methods that there are (RFC 9110 section 15.5.6).
func refuseMethod(w http.ResponseWriter, req *http.Request, routes chi.Routes) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), method, req.URL.Path) {
			w.Header().Add("Allow", method)
		}
	}
	refuse(w, http.StatusMethodNotAllowed, CodeBadMethod, "%s takes no %s", req.URL.Path, req.Method)
}

// authorise lets in root, the user that purser runs as, and members of a group if there is one, over the unix socket,
// and over TCP who shows the token.
func (s *Server) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid, local := r.Context().Value(uidKey{}).(int)
		switch {
		case local && (uid == 0 || uid == os.Geteuid() || s.Members && uid >= 0): // who may connect, by the mode of the socket
			next.ServeHTTP(w, r)
		case local:
			s.refused("uid", uid, "path", r.URL.Path)
			refuse(w, http.StatusUnauthorized, CodeUnauthorized, "only root and the user that purser runs as may call this")
		case s.showsToken(r):
			next.ServeHTTP(w, r)
		default:
			s.refused("from", r.RemoteAddr, "path", r.URL.Path)
			w.Header().Set("WWW-Authenticate", `Bearer realm="purser"`)
			refuse(w, http.StatusUnauthorized, CodeUnauthorized, "the token is missing or wrong; set PURSER_ADMIN_TOKEN")
		}
	})
}

// refused logs a call that was refused.
func (s *Server) refused(facts ...any) {
	ok, skipped := s.refusals.allow(time.Now())
	if !ok {
		return
	}
	if skipped > 0 {
		facts = append(facts, "not-logged-before", skipped)
	}
	s.Log.Warn("admin call refused", facts...)
}

// showsToken compares digests, in constant time, so that neither the token nor its length can be
// found by measuring. The scheme's case does not matter (RFC 9110 section 11.1).
func (s *Server) showsToken(r *http.Request) bool {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || s.Token == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(strings.TrimLeft(shown, " "))), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
