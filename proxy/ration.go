package proxy

import (
	"sync/atomic"
	"time"

	"purser/proxy/sock"
)

// linesPerSecond is how many lines of a kind are logged in a second that a stranger can bring about; the others are
// counted. Nobody must be able to fill the log.
const linesPerSecond = 20

// A ration is how much of the log one kind of lines may have.
type ration struct {
	clock   *sock.Clock
	second  atomic.Int64
	logged  atomic.Int64
	skipped atomic.Int64
}

// skippedBefore adds to what a line says how many were left out before it.
func skippedBefore(facts []any, skipped int64) []any {
	if skipped > 0 {
		facts = append(facts, "not-logged-before", skipped)
	}
	return facts
}

// allow reports whether one more line may be written this second, and how many were left out before.
func (r *ration) allow() (bool, int64) {
	second := r.clock.Exact() / int64(time.Second)
	if r.second.Swap(second) != second {
		r.logged.Store(0)
	}
	if r.logged.Add(1) > linesPerSecond {
		r.skipped.Add(1)
		return false, 0
	}
	return true, r.skipped.Swap(0)
}
