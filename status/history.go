package status

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"purser/restart/history"
)

// A HistoryQuery is what is asked of the history.
type HistoryQuery struct {
	App   string        // "" = all, and purser itself
	Most  int           // entries, the newest; 0 = all
	Since time.Duration // how long ago at most; 0 = whenever
}

// A HistoryAnswer is the answer to it, newest first.
type HistoryAnswer struct {
	History []history.Entry `json:"history"`
}

// getHistory answers what has happened, newest first: of all apps and purser itself, or of one app, which may not be
// there any more. n=N is as many as that, and since=SPAN goes back no further.
func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) {
	q, err := historyQueryOf(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "%v", err)
		return
	}
	q.App = chi.URLParam(r, "app")
	var since time.Time
	if q.Since > 0 {
		since = time.Now().Add(-q.Since)
	}
	if q.App != "" && s.Pool.Group(q.App) == nil && len(s.History.Entries(q.App, 1, time.Time{})) == 0 {
		refuse(w, http.StatusNotFound, CodeNoApp, "there is no app %q, and there was none as far as the history goes back", q.App)
		return
	}
	answer(w, http.StatusOK, HistoryAnswer{s.History.Entries(q.App, q.Most, since)})
}

func historyQueryOf(v url.Values) (q HistoryQuery, err error) {
	if n := v.Get("n"); n != "" {
		if q.Most, err = strconv.Atoi(n); err != nil || q.Most < 0 {
			return q, errors.New("n must be a number of entries; 0 is all of them")
		}
	}
	if since := v.Get("since"); since != "" {
		if q.Since, err = time.ParseDuration(since); err != nil || q.Since <= 0 {
			return q, errors.New(`since must be a duration such as "1h"`)
		}
	}
	return q, nil
}

// History fetches what has happened.
func (c *Client) History(ctx context.Context, q HistoryQuery) (HistoryAnswer, error) {
	v := url.Values{"n": {strconv.Itoa(q.Most)}}
	if q.Since > 0 {
		v.Set("since", q.Since.String())
	}
	path := "/v1/history?"
	if q.App != "" {
		path = pathOf(q.App, "/history?")
	}
	var a HistoryAnswer
	return a, c.call(ctx, http.MethodGet, path+v.Encode(), nil, &a)
}
