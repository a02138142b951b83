package pool

import (
	"fmt"

	"purser/conf"
)

// A canary is a few processes of the new code beside all old ones: none of these goes until it is promoted, and
// all are there when it is taken back. So it needs room, which surge gives.

// A CanaryError says why a restart cannot begin with a canary of that size.
type CanaryError struct {
	Size, Old, Surge int
	Blocking         bool // a blocking restart runs
}

func (e *CanaryError) Error() string {
	switch {
	case e.Blocking:
		return "a canary runs beside old processes, but a blocking restart runs, which lets none serve beside new ones; ask again when that has ended"
	case e.Old == 0:
		return "a canary runs beside old processes, but the app has none; restart without a canary"
	case e.Size > e.Old:
		return fmt.Sprintf("a canary of %d is more than there are old processes (%d); ask for %d at most", e.Size, e.Old, e.Old)
	case e.Surge == 0:
		return "a canary needs room beside the old processes, but restart.surge is 0; set it to the size of the canary"
	}
	return fmt.Sprintf("a canary of %d needs as much room beside the old processes, but restart.surge is %d; ask for %d at most, or raise surge",
		e.Size, e.Surge, e.Surge)
}

// canarySize returns how many processes a canary is, of what a restart would replace now.
func (c *course) canarySize(a conf.Amount) (int, error) {
	old := c.servers()
	size, surge := max(1, a.Of(old)), c.app.Restart.Surge.Of(c.app.MaxProcesses)
	blocking := c.restart != nil && c.way.clears() && c.restart.generation == c.target()
	if blocking || size > min(old, surge) {
		return size, &CanaryError{size, old, surge, blocking}
	}
	return size, nil
}

// undelivered is how many processes of the canary are still to be begun.
func (c *course) undelivered() int {
	ours := c.of(c.restart.generation)
	return c.restart.canary - ours.ready - ours.spawning
}
