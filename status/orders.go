package status

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"purser/conf"
	"purser/pool"
)

// An Order is the body of POST /v1/apps/{app}/restarts. All of it may be left out.
type Order struct {
	Strategy string      `json:"strategy,omitempty"` // rolling, blocking, blue-green; default: the app's
	Reason   string      `json:"reason,omitempty"`   // shown in status and in the log
	Canary   conf.Amount `json:"canary,omitzero"`    // a number or "10%": stop at so many processes, until promoted; 0 = do not
}

// A Remark is the body of the orders that take a reason and nothing else.
type Remark struct {
	Reason string `json:"reason,omitempty"`
}

// An Accepted is the answer to an order that is a restart, or makes one go on.
type Accepted struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"`
}

func (s *Server) postRestart(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil {
		return
	}
	var order Order
	if !readBody(w, r, &order) {
		return
	}
	order.Strategy = cmp.Or(order.Strategy, g.App().Restart.Strategy, pool.Rolling)
	if err := order.check(); err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "%v", err)
		return
	}
	if g.Snapshot().Condition == pool.Closing {
		s.refuseOrder(w, pool.ErrClosed, "restart "+g.Name())
		return
	}
	restart, err := s.begin(w, g, order)
	if err != nil {
		refuse(w, http.StatusConflict, CodeNoRelease, "cannot restart %s: %v", g.Name(), err)
		return
	}
	accept(w, restart)
}

func (o Order) check() error {
	if !slices.Contains(conf.Strategies, o.Strategy) {
		return fmt.Errorf("there is no strategy %q; the strategies are %s", o.Strategy, list(conf.Strategies))
	}
	if o.Canary != (conf.Amount{}) && o.Strategy != pool.Rolling {
		return fmt.Errorf("a canary goes only with the strategy rolling, not with %s; add it to the order, or leave canary out", o.Strategy)
	}
	return nil
}

// begin takes as long as the app's before_restart does, which may be longer than the server's
// WriteTimeout: the time for the answer begins when there is one.
func (s *Server) begin(w http.ResponseWriter, g *pool.Group, o Order) (pool.RestartSnapshot, error) {
	restart, err := s.Restart(g, o)
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	return restart, err
}

func (s *Server) postRollback(w http.ResponseWriter, r *http.Request) {
	var remark Remark
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &remark) {
		return
	}
	restart, err := g.Rollback(remark.Reason)
	if err != nil {
		s.refuseOrder(w, err, "roll "+g.Name()+" back")
		return
	}
	accept(w, restart)
}

func (s *Server) postPromote(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	restart, err := g.Promote()
	if err != nil {
		s.refuseOrder(w, err, "promote "+g.Name())
		return
	}
	accept(w, restart)
}

func (s *Server) postMark(w http.ResponseWriter, r *http.Request) {
	var remark Remark
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &remark) {
		return
	}
	if err := s.Mark(g.Name(), remark.Reason); err != nil {
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
	answer(w, http.StatusAccepted, map[string]any{"pid": pid, "state": "draining"})
}

func accept(w http.ResponseWriter, restart pool.RestartSnapshot) {
	w.Header().Set("Location", "/v1/restarts/"+url.PathEscape(restart.ID))
	answer(w, http.StatusAccepted, Accepted{restart.ID, restart.Generation})
}

// refuseOrder tells why the pool does not do what it was ordered to.
func (s *Server) refuseOrder(w http.ResponseWriter, err error, order string) {
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
	default:
		status, code = http.StatusInternalServerError, CodeInternalError
	}
	refuse(w, status, code, "cannot %s: %v", order, err)
}
