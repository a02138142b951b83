package proxy

import (
	"bytes"
	"strings"

	"purser/proxy/cache"
)

// Purge forgets the stored answers of an app, and returns how many pages that were; caches is false if it stores none. A
// path is that of one page, with any query if it has none itself; with "*" at its end, of all that begin so. "" is all.
func (s *Server) Purge(app, path string) (pages int, caches bool) {
	stored := s.cacheOf(app)
	if stored == nil {
		return 0, false
	}
	return stored.Purge(func(key []byte) bool { return isOf(key, path) }, s.clock.Exact()), true
}

// cacheOf is the cache of an app; nil = it has none.
func (s *Server) cacheOf(app string) *cache.Cache {
	for _, to := range s.current.Load().routes.all {
		if to.app.Name == app {
			return to.cache
		}
	}
	return nil
}

// isOf reports whether what is stored under a key is to be forgotten with a path. The key begins with the target.
func isOf(key []byte, path string) bool {
	target, _, _ := bytes.Cut(key, []byte{0})
	begin, any := strings.CutSuffix(path, "*")
	switch {
	case path == "":
		return true
	case any:
		return bytes.HasPrefix(target, []byte(begin))
	case !strings.Contains(path, "?"):
		target, _, _ = bytes.Cut(target, []byte{'?'})
	}
	return string(target) == path
}

// Stored is what an app's cache holds, and what came of the requests that asked it.
type Stored struct {
	Held, Limit         int64 // bytes
	Hits, Stale, Misses int64 // requests that were answered from it, those of them with what was stale, and those that the app was asked for
}

// Stored returns that of an app; known is false if it has no cache.
func (s *Server) Stored(app string) (st Stored, known bool) {
	c := s.cacheOf(app)
	if c == nil {
		return st, false
	}
	held, limit := c.Size()
	return Stored{Held: int64(held), Limit: int64(limit), Hits: c.Hits.Load(), Stale: c.Stale.Load(), Misses: c.Misses.Load()}, true
}
