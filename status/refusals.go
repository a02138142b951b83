package status

import (
	"sync"
	"time"
)

// refusedPerSecond is how many refused calls are logged in a second; the others are counted. Who is not
// let in must not be able to fill the log.
const refusedPerSecond = 5

// refusals counts the calls that were refused.
type refusals struct {
	mu      sync.Mutex // guards what follows
	second  int64
	logged  int // in that second
	skipped int // not logged since the last that was
}

// allow reports whether one more may be logged at now, and how many were left out before.
func (r *refusals) allow(now time.Time) (ok bool, skipped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if second := now.Unix(); second != r.second {
		r.second, r.logged = second, 0
	}
	if r.logged == refusedPerSecond {
		r.skipped++
		return false, 0
	}
	r.logged++
	skipped, r.skipped = r.skipped, 0
	return true, skipped
}
