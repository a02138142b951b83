package proxy

import (
	"bytes"
	"strings"
)

// Purge forgets the stored answers of an app, and returns how many pages that were; caches is false if it stores none. A
// path is that of one page, with any query if it has none itself; with "*" at its end, of all that begin so. "" is all.
func (s *Server) Purge(app, path string) (pages int, caches bool) {
	for _, to := range s.current.Load().routes.all {
		if to.app.Name == app && to.cache != nil {
			return to.cache.Purge(func(key []byte) bool { return isOf(key, path) }, s.clock.Exact()), true
		}
	}
	return 0, false
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
	for _, to := range s.current.Load().routes.all {
		if to.app.Name != app || to.cache == nil {
			continue
		}
		held, limit := to.cache.Size()
		return Stored{Held: int64(held), Limit: int64(limit), Hits: to.cache.Hits.Load(), Stale: to.cache.Stale.Load(), Misses: to.cache.Misses.Load()}, true
	}
	return st, false
}
