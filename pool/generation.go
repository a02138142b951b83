package pool

import (
	"math/rand/v2"
	"time"
)

// A generation is what one restart asked for: a release, under a number, and how its starts go.
//
// A restart that is joined by another touch keeps its number, but not its generation: the processes
// of the release before are none of it.
type generation struct {
	number  int
	release Release
	config  int         // that its processes are started with
	code    *generation // whose code it has, with another configuration; nil = its own

	standing standing
	insisted bool      // it is not given up for an older one, whatever the configuration says
	served   int       // processes of it that were put to work so far
	tally    tally     // how its processes answered
	crashes  int       // of its processes while it was taking over
	failures int       // starts that failed in a row
	failure  *Failure  // the last of those, or why it was taken back; nil since a start worked
	retryAt  time.Time // nothing of it is spawned before

	refork generationRefork

	over chan struct{} // belongs to the driver: closed when it is over
}

// A standing is what is known of a generation's code.
type standing uint8

const (
	untried   standing = iota // nothing of it was put to work yet
	working                   // something was
	failing                   // it does not start, and is only probed until it does; to working
	rejected                  // it was taken back for its answers or crashes, and is not tried again
	takenBack                 // an operator took it back, and it is not tried again
)

// bad reports whether older code is better, if there is any.
func (n *generation) bad() bool { return n.standing >= failing }

// worked reports whether a process of it was put to work once, by this purser or the one before.
func (n *generation) worked() bool { return n.served > 0 || n.standing == working }

// rejected reports whether it is not even tried again.
func (n *generation) rejected() bool { return n.standing >= rejected }

// source is the generation whose code it has.
func (n *generation) source() *generation {
	if n.code != nil {
		return n.code
	}
	return n
}

const (
	youth      = 10 * time.Second // a process that dies unused before this age died young
	firstPause = time.Second      // after a start that failed; doubles with each further one
	lastPause  = 50 * time.Second // beyond it the pause does not grow; with its jitter it is a minute at most
	quickPause = 100 * time.Millisecond

	// maxFailures is how many starts in a row may fail before a generation of which some processes
	// work is taken back.
	maxFailures = 3
)

// failed counts a start that failed. Starts that were under way at once and fail together count as
// one: the row goes on from where it stood when that spawn began.
func (n *generation) failed(row int, f *Failure) {
	n.failures = max(n.failures, row+1)
	if !n.rejected() {
		n.failure = f
	}
}

// pauseUntil lets nothing of n be spawned for a span that begins with first and doubles with times.
// It never shortens a pause.
func (n *generation) pauseUntil(now time.Time, first time.Duration, times int, r *rand.Rand) {
	if until := now.Add(pauseAfter(first, times, r)); until.After(n.retryAt) {
		n.retryAt = until
	}
}

// pauseAfter is a span that begins with first and doubles with times.
func pauseAfter(first time.Duration, times int, r *rand.Rand) time.Duration {
	pause := min(first<<min(times, 16), lastPause)
	return pause + time.Duration(r.Int64N(int64(pause)/5+1)) // so that groups which fell together do not rise together
}

// booted notes that a process of n was put to work, and reports whether that is news of a bad one.
func (n *generation) booted() (recovered bool) {
	n.failures = 0
	n.served++
	if n.rejected() {
		return false
	}
	recovered = n.bad()
	n.standing, n.failure = working, nil
	return recovered
}

// reject takes n back for good.
func (n *generation) reject(as standing, f *Failure) { n.standing, n.failure = as, f }

// restore undoes a reject.
func (n *generation) restore() {
	n.standing, n.failure = untried, nil
	if n.served > 0 {
		n.standing = working
	}
}

// forgive lets it be spawned at once.
func (n *generation) forgive() {
	n.failures, n.retryAt = 0, time.Time{}
}
