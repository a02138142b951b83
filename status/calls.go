package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"purser/pool"
)

// An Order is the body of POST /v1/apps/{app}/restarts. Both may be left out.
type Order struct {
	Strategy string `json:"strategy,omitempty"` // rolling, the default and the only one yet
	Reason   string `json:"reason,omitempty"`   // shown in status and in the log
}

// An Accepted is the answer to an Order.
type Accepted struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"`
}

// Document is what status shows now.
func (s *Server) document() Document {
	used, now := measure(), time.Now()
	d := Document{
		Version: s.Version, Name: s.Name, PID: os.Getpid(), Started: s.started, Now: now,
		Listen: s.Listen, MaxProcesses: s.MaxProcesses, Apps: []App{},
	}
	for _, g := range s.Pool.Groups() {
		d.Apps = append(d.Apps, newApp(g.Snapshot(), used, now))
	}
	return d
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.document())
}

func (s *Server) getApps(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string][]App{"apps": s.document().Apps})
}

func (s *Server) getApp(w http.ResponseWriter, r *http.Request) {
	if g := s.group(w, r); g != nil {
		answer(w, http.StatusOK, newApp(g.Snapshot(), measure(), time.Now()))
	}
}

func (s *Server) postRestart(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil {
		return
	}
	order := Order{Strategy: "rolling"}
	if !readBody(w, r, &order) {
		return
	}
	if order.Strategy != "rolling" {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "strategy %q is not supported yet; use \"rolling\"", order.Strategy)
		return
	}
	if g.Snapshot().Condition == pool.Closing {
		refuse(w, http.StatusConflict, CodeClosing, "purser is stopping: %s is not restarted", g.Name())
		return
	}
	restart, err := s.Restart(g, order.Reason)
	if err != nil {
		refuse(w, http.StatusConflict, CodeNoRelease, "cannot restart %s: %v", g.Name(), err)
		return
	}
	w.Header().Set("Location", "/v1/restarts/"+url.PathEscape(restart.ID))
	answer(w, http.StatusAccepted, Accepted{restart.ID, restart.Generation})
}

// maxWait is the longest that one call waits for a restart; a longer wait is cut to it.
const maxWait = time.Minute

// getRestart answers how a restart stands. With wait=SPAN it answers when the restart has ended, or
// after the span; with after=N too, as soon as there are more than N steps.
func (s *Server) getRestart(w http.ResponseWriter, r *http.Request) {
	restart, g := s.Pool.Restart(chi.URLParam(r, "id"))
	if g == nil {
		refuse(w, http.StatusNotFound, CodeNoRestart, "there is no restart %q, or it is long past", chi.URLParam(r, "id"))
		return
	}
	wait, after, err := waitOf(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "%v", err)
		return
	}
	if wait > 0 && restart.State == pool.RestartRunning {
		restart = s.await(r.Context(), g, restart, wait, after)
	}
	answer(w, http.StatusOK, restart)
}

// waitOf reads wait=SPAN and after=N; after is -1 if it is not asked for.
func waitOf(q url.Values) (wait time.Duration, after int, err error) {
	after = -1
	if v := q.Get("wait"); v != "" {
		if wait, err = time.ParseDuration(v); err != nil || wait < 0 {
			return 0, 0, errors.New(`wait has to be a span of time such as "60s"`)
		}
	}
	if v := q.Get("after"); v != "" {
		if after, err = strconv.Atoi(v); err != nil || after < 0 {
			return 0, 0, errors.New("after has to be a number of steps")
		}
	}
	return min(wait, maxWait), after, nil
}

// await returns how the restart stands once it has ended, once it has more than after steps (unless
// that is negative), once wait is over or once the server ends, whichever is first.
func (s *Server) await(ctx context.Context, g *pool.Group, restart pool.RestartSnapshot, wait time.Duration, after int) pool.RestartSnapshot {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	for ctx.Err() == nil && restart.State == pool.RestartRunning && (after < 0 || len(restart.Steps) <= after) {
		restart = look(ctx, g, restart.ID, after >= 0)
	}
	return restart
}

// look waits for the end of a restart; if steps matter too, only for as long as an eye does not mind.
func look(ctx context.Context, g *pool.Group, id string, steps bool) pool.RestartSnapshot {
	if steps {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
	}
	restart, _ := g.WaitRestart(ctx, id) // the error says only that ctx ended first
	return restart
}

func (s *Server) postStop(w http.ResponseWriter, _ *http.Request) {
	s.Stop()
	answer(w, http.StatusAccepted, map[string]string{"state": "stopping"})
}

func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"state": "alive"})
}

func (s *Server) getReady(w http.ResponseWriter, _ *http.Request) {
	for _, g := range s.Pool.Groups() {
		if serves(g.Snapshot().Condition) {
			answer(w, http.StatusOK, map[string]string{"state": "ready"})
			return
		}
	}
	refuse(w, http.StatusServiceUnavailable, CodeNotReady, "no app serves")
}

// serves reports whether a request for a group in this condition finds a ready process at once.
func serves(c pool.Condition) bool {
	return c == pool.Up || c == pool.Restarting || c == pool.Resisting
}

// group returns the group that the path names, or refuses and returns nil.
func (s *Server) group(w http.ResponseWriter, r *http.Request) *pool.Group {
	name := chi.URLParam(r, "app")
	g := s.Pool.Group(name)
	if g == nil {
		refuse(w, http.StatusNotFound, CodeNoApp, "there is no app %q", name)
	}
	return g
}

// decodeStrictly decodes exactly one JSON value, without keys that v does not have.
func decodeStrictly(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more than one JSON value")
	}
	return nil
}
