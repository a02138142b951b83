package status

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"purser/pool"
)

// maxWait is the longest that one call waits for a restart; a longer wait is cut to it.
const maxWait = time.Minute

// getRestart answers how a restart stands. With wait=SPAN it answers when the restart has ended or
// waits at its canary, or after the span; with after=N too, as soon as there are more than N steps.
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
			return 0, 0, errors.New(`wait must be a duration such as "60s"`)
		}
	}
	if v := q.Get("after"); v != "" {
		if after, err = strconv.Atoi(v); err != nil || after < 0 {
			return 0, 0, errors.New("after must be a number of steps")
		}
	}
	return min(wait, maxWait), after, nil
}

// await returns how the restart stands once it is not running any more, once it has more than after
// steps (unless that is negative), once wait is over or once the server ends, whichever is first.
func (s *Server) await(ctx context.Context, g *pool.Group, restart pool.RestartSnapshot, wait time.Duration, after int) pool.RestartSnapshot {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	var now pool.RestartSnapshot
	var err error
	if after < 0 {
		now, err = g.WaitRestart(ctx, restart.ID)
	} else {
		now, err = g.WaitProgress(ctx, restart.ID, after)
	}
	if err != nil && now.ID == "" {
		return restart // it is long past by now
	}
	return now
}

// getRestarts answers the restarts that are remembered, newest first and without their steps: of all
// apps, or with app=NAME of one.
func (s *Server) getRestarts(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("app")
	if name != "" && s.Pool.Group(name) == nil {
		refuse(w, http.StatusNotFound, CodeNoApp, "there is no app %q", name)
		return
	}
	all := []pool.RestartSnapshot{}
	for _, g := range s.Pool.Groups() {
		if name == "" || name == g.Name() {
			for _, restart := range g.Restarts() {
				restart.Steps = []pool.Step{}
				all = append(all, restart)
			}
		}
	}
	for i := range all {
		all[i].Steps = []pool.Step{}
	}
	slices.SortStableFunc(all, func(a, b pool.RestartSnapshot) int { return b.Started.Compare(a.Started) })
	answer(w, http.StatusOK, map[string][]pool.RestartSnapshot{"restarts": all})
}
