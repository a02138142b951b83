package status

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

// A Cache is what is kept of an app's answers, and what came of the requests that asked it since the process that serves
// was started.
type Cache struct {
	Held   int64 `json:"held"`   // bytes
	Limit  int64 `json:"limit"`  // bytes
	Hits   int64 `json:"hits"`   // requests that were answered from it
	Stale  int64 `json:"stale"`  // of those, with what was not fresh any more
	Misses int64 `json:"misses"` // requests that the app was asked for
}

var (
	descCacheBytes    = metric("cache_bytes", "Bytes of answers that are kept now.", "app")
	descCacheLimit    = metric("cache_limit_bytes", "How many may be; then those go that are asked for least.", "app")
	descCacheRequests = metric("cache_requests_total", "Requests that asked the cache, by what came of it: hit, stale or miss.", "app", "result")
)

func (r readings) cache(app string, c Cache) {
	r.gauge(descCacheBytes, float64(c.Held), app)
	r.gauge(descCacheLimit, float64(c.Limit), app)
	for result, n := range map[string]int64{"hit": c.Hits - c.Stale, "stale": c.Stale, "miss": c.Misses} {
		r <- prometheus.MustNewConstMetric(descCacheRequests, prometheus.CounterValue, float64(max(0, n)), app, result)
	}
}

// cacheOf is what is kept of an app's answers; nil = it has no cache.
func (s *Server) cacheOf(app string) *Cache {
	if s.Cached == nil {
		return nil
	}
	if c, known := s.Cached(app); known {
		return &c
	}
	return nil
}

// Purged is what came of DELETE /v1/apps/{app}/cache.
type Purged struct {
	Pages int `json:"pages"` // that were forgotten
}

// deleteCache forgets kept answers: of the path that is asked with, or all.
func (s *Server) deleteCache(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil {
		return
	}
	path := r.URL.Query().Get("path")
	if path != "" && path[0] != '/' {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "a path begins with /, not as %q does", oneLine(path))
		return
	}
	pages, caches := 0, false
	if s.Purge != nil {
		pages, caches = s.Purge(g.Name(), path)
	}
	if !caches {
		refuse(w, http.StatusConflict, CodeNoCache, "%s has no cache; set size in its table cache", g.Name())
		return
	}
	s.Log.Info("kept answers were purged", "app", g.Name(), "by", asker(r), "path", oneLine(path), "pages", pages)
	answer(w, http.StatusOK, Purged{pages})
}

// cache tells how much is kept, and how much that helps.
func (t *text) cache(a App) {
	c := a.Cache
	if c == nil {
		return
	}
	asked := c.Hits + c.Misses
	if asked == 0 {
		t.line("  Cache   : %s of %s", Megabytes(c.Held), Megabytes(c.Limit))
		return
	}
	t.line("  Cache   : %s of %s, %d %% of %d requests answered from it", Megabytes(c.Held), Megabytes(c.Limit), 100*c.Hits/asked, asked)
}
