package pool

import "time"

// Strategies, as an operator names them.
const (
	Rolling   = "rolling"    // a few at a time, both serve meanwhile
	Blocking  = "blocking"   // all old ones go before a new one starts, requests wait
	BlueGreen = "blue-green" // all new ones get ready, then they take over in one step
	Rollback  = "rollback"   // that of a rollback: back at once what still lives, the rest a few at a time
)

// A way is how new processes take over from old ones: the answers of a restart to a few questions. The rules
// of settle ask them, and are the same for all ways. Each way is a file that tells its restart as a story.
type way interface {
	// limits returns how many processes there may be above max_processes meanwhile, and how many may be
	// missing, of so many that are to be replaced. What is asked for comes from the configuration.
	limits(total, surge, unavailable int) (int, int)

	// fit returns what becomes of these where memory has room for so many extra processes only, with what is
	// to be said of it, or why it cannot be.
	fit(total, fits, surge, unavailable int) (s, u int, note string, err error)

	// returns reports whether the old code may repair and grow the group until something of the new serves.
	returns(r *restart) bool

	// ahead is how many old processes may go before there is something in their place; works says whether
	// something of the new code serves.
	ahead(r *restart, works bool) int

	// clears reports whether all old processes are to be gone before the first new one is spawned.
	clears() bool

	// gathers reports whether all new processes are to be there before the first of them serves.
	gathers(r *restart) bool

	// holds reports whether a new process that has booted is not to serve yet; answering says whether old
	// ones still have requests.
	holds(now time.Time, r *restart, answering bool, limit time.Duration) bool

	// keeps reports whether old processes are kept for a rollback meanwhile.
	keeps() bool

	// probes reports whether code that did not start is tried now and then beside the old.
	probes() bool

	// returning reports whether the restart is one to code that was there before.
	returning() bool
}

// wayOf returns the way of a strategy.
func wayOf(strategy string) way {
	switch strategy {
	case Blocking:
		return blocking{}
	case BlueGreen:
		return blueGreen{}
	case Rollback:
		return back{}
	}
	return rolling{}
}

func (r *restart) way() way { return wayOf(r.strategy) }

// grow notes that so many processes are to be replaced by now: the group has grown meanwhile.
func (r *restart) grow(servers int) {
	r.had = max(r.had, servers)
	r.total = max(r.total, r.had)
	surge, _ := r.way().limits(r.total, r.surge, r.unavailable)
	r.surge = max(r.surge, surge)
}
