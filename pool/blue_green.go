package pool

import (
	"errors"
	"time"
)

// blueGreen: as many new processes as there are old ones are spawned beside them, and none serves until all
// have booted. Then, in one step, the old ones drain, and the new ones serve once the old have given their last
// answers, for switch_timeout at most: so no visitor sees the old code after the new. It needs room for twice
// as many.
type blueGreen struct{ rolling }

func (blueGreen) limits(total, _, unavailable int) (int, int) { return total, min(unavailable, total) }

var errNoRoom = errors.New("not enough memory for blue-green")

func (blueGreen) fit(_, _, surge, unavailable int) (int, int, string, error) {
	return surge, unavailable, "; use rolling, or free some", errNoRoom
}

// returns: after the switch the old code is only what drains.
func (blueGreen) returns(r *restart) bool { return r.switched.IsZero() }

func (blueGreen) ahead(*restart, bool) int { return 0 }

func (blueGreen) gathers(r *restart) bool { return r.switched.IsZero() }

func (blueGreen) holds(now time.Time, r *restart, answering bool, limit time.Duration) bool {
	return r.switched.IsZero() || answering && now.Before(r.switched.Add(limit))
}
