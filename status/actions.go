package status

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"

	"purser/conf"
	"purser/pool"
	"purser/restart/history"
)

// RestartOptions are the body of POST /v1/apps/{app}/restarts. All of it may be left out.
type RestartOptions struct {
	Strategy string      `json:"strategy,omitempty"` // rolling, blocking, blue-green; default: the app's
	Reason   string      `json:"reason,omitempty"`   // shown in status and in the log
	Canary   conf.Amount `json:"canary,omitzero"`    // a number or "10%": stop at so many processes, until promoted; 0 = do not
}

// A reasonBody is the body of the calls that take a reason and nothing else.
type reasonBody struct {
	Reason string `json:"reason,omitempty"`
}

// An Accepted is the answer to a call that begins a restart, or makes one go on.
type Accepted struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"`
}

func (s *Server) postRestart(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil {
		return
	}
	var options RestartOptions
	if !readBody(w, r, &options) {
		return
	}
	options.Strategy = cmp.Or(options.Strategy, g.App().Restart.Strategy, pool.Rolling)
	if err := options.check(); err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "%v", err)
		return
	}
	if err := over(g); err != nil {
		refuseAction(w, err, "restart "+g.Name())
		return
	}
	if options.Canary != (conf.Amount{}) {
		if err := g.CheckCanary(options.Canary); err != nil {
			refuseAction(w, err, "restart "+g.Name())
			return
		}
	}
	restart, err := s.begin(w, g, options, asker(r))
	switch {
	case errors.Is(err, pool.ErrClosed), errors.Is(err, pool.ErrYielded):
		refuseAction(w, err, "restart "+g.Name())
	case err != nil:
		refuse(w, http.StatusConflict, CodeNoRelease, "cannot restart %s: %v", g.Name(), err)
	default:
		accept(w, restart)
	}
}

// over says why nothing can be done with a group any more.
func over(g *pool.Group) error {
	switch g.Snapshot().Condition {
	case pool.Closing:
		return pool.ErrClosed
	case pool.Stopped:
		return pool.ErrStopped
	}
	return nil
}

func (o RestartOptions) check() error {
	if !slices.Contains(conf.Strategies, o.Strategy) {
		return fmt.Errorf("there is no strategy %q; the strategies are %s", o.Strategy, list(conf.Strategies))
	}
	if o.Canary != (conf.Amount{}) && o.Strategy != pool.Rolling {
		return fmt.Errorf("a canary goes only with the strategy rolling, not with %s; choose it, or leave canary out", o.Strategy)
	}
	return nil
}

// begin takes as long as the app's before_restart does, which may be longer than the server's
// WriteTimeout: the time for the answer begins when there is one.
func (s *Server) begin(w http.ResponseWriter, g *pool.Group, o RestartOptions, by string) (pool.RestartSnapshot, error) {
	restart, err := s.Restarts.Restart(g, pool.RestartRequest{Strategy: o.Strategy, By: by, Reason: oneLine(o.Reason), Canary: o.Canary})
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	return restart, err
}

func (s *Server) postRollback(w http.ResponseWriter, r *http.Request) {
	var body reasonBody
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &body) {
		return
	}
	restart, err := s.Restarts.Rollback(g, asker(r), oneLine(body.Reason))
	if err != nil {
		refuseAction(w, err, "roll "+g.Name()+" back")
		return
	}
	accept(w, restart)
}

func (s *Server) postPromote(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	began := time.Now()
	restart, err := s.Restarts.Promote(g)
	if err != nil {
		refuseAction(w, err, "promote "+g.Name())
		return
	}
	s.History.Promoted(asker(r), began, restart)
	accept(w, restart)
}

func (s *Server) postMark(w http.ResponseWriter, r *http.Request) {
	var body reasonBody
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &body) {
		return
	}
	if err := s.Restarts.Mark(g.Name(), body.Reason); err != nil {
		refuse(w, http.StatusConflict, CodeNotMarked, "%v", err)
		return
	}
	answer(w, http.StatusAccepted, map[string]string{"state": "marked"})
}

func (s *Server) postDetach(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	pid, err := strconv.Atoi(chi.URLParam(r, "pid"))
	if err != nil || pid <= 0 || !g.Detach(pid) {
		refuse(w, http.StatusNotFound, CodeNoProcess, "no process of %s with the pid %q is ready; see purser status %s",
			g.Name(), chi.URLParam(r, "pid"), g.Name())
		return
	}
	s.History.Did(history.Detach, g.Name(), asker(r), fmt.Sprintf("pid %d", pid), time.Now(), nil)
	answer(w, http.StatusAccepted, map[string]any{"pid": pid, "state": "draining"})
}

func accept(w http.ResponseWriter, restart pool.RestartSnapshot) {
	w.Header().Set("Location", "/v1/restarts/"+url.PathEscape(restart.ID))
	answer(w, http.StatusAccepted, Accepted{restart.ID, restart.Generation})
}

// mostReason is how much of a reason is kept, in bytes: it is shown in one line.
const mostReason = 200

// oneLine is what a log, a hook and a terminal may be shown of a reason: one line, nothing that controls
// them or turns the direction of writing, and no more than fits.
func oneLine(reason string) string {
	reason = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.TrimSpace(reason))
	if len(reason) <= mostReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:mostReason], "") + "…"
}

func isCanaryError(err error) bool {
	_, is := errors.AsType[*pool.CanaryError](err)
	return is
}

// refuseAction tells why something is not done.
func refuseAction(w http.ResponseWriter, err error, action string) {
	status, code := http.StatusConflict, ""
	switch {
	case errors.Is(err, pool.ErrNothingOlder):
		code = CodeNothingOlder
	case errors.Is(err, pool.ErrOverwritten):
		code = CodeOverwritten
	case errors.Is(err, pool.ErrNoCanary):
		code = CodeNoCanary
	case errors.Is(err, pool.ErrClosed):
		code = CodeClosing
	case errors.Is(err, pool.ErrYielded):
		status, code = http.StatusServiceUnavailable, CodeMoved
	case errors.Is(err, pool.ErrStopped):
		code = CodeStopped
	case isCanaryError(err):
		code = CodeCanarySize
	default:
		status, code = http.StatusInternalServerError, CodeInternalError
	}
	refuse(w, status, code, "cannot %s: %v", action, err)
}
