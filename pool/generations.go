package pool

import (
	"slices"
	"time"
)

// generations is the code that a group knows: what it is to run, and what has worked.
type generations struct {
	wanted *generation   // the newest
	good   *generation   // the newest that is known to work; nil until a process was put to work
	past   []*generation // those that were good before it, newest last

	keepUntil time.Time // what the last good generation has replaced is kept for a rollback
	resist    bool      // bad code is given up for good code: deployment error resistance
	withdrawn int       // the newest generation that was taken back, or could not take over
}

// keptPast is how many generations that have worked a group can go back by.
const keptPast = 5

// resisting reports whether the wanted generation is bad and the group stays with the good one.
func (l *generations) resisting() bool {
	return l.wanted.bad() && l.good != nil && (l.wanted.rejected() || l.resists(l.wanted))
}

// resists reports whether n would be given up for the last good generation, should it turn out bad.
func (l *generations) resists(n *generation) bool { return l.good != nil && l.resist && !n.insisted }

// target is the generation that the group is to become.
func (l *generations) target() *generation {
	if l.resisting() {
		return l.good
	}
	return l.wanted
}

// overwritten reports whether the code of n is no longer on disk: a newer release was deployed in its
// folder. What is spawned from there would be of the wanted generation, whatever we call it.
func (l *generations) overwritten(n *generation) bool {
	return l.inPlace(n) && n.source() != l.wanted.source()
}

// inPlace reports whether the wanted generation is in the folder of the older n.
func (l *generations) inPlace(n *generation) bool {
	return n != l.wanted && n.release.Path == l.wanted.release.Path
}

// takingOver reports whether n takes over from the last good generation by the restart r that runs.
func (l *generations) takingOver(r *restart, n *generation) bool {
	return r != nil && r.generation == n && n == l.wanted && !n.bad() && l.good != nil && n != l.good
}

// withdraw takes the wanted generation back for good.
func (l *generations) withdraw(as standing, why *Failure) {
	l.wanted.reject(as, why)
	l.withdrawn = l.wanted.number
}

// prove makes the wanted generation the last good one; what that has replaced may come back until then. It
// reports false if it is that already.
func (l *generations) prove(keepUntil time.Time) (news bool) {
	if l.good == l.wanted {
		return false
	}
	if l.good != nil {
		l.past = append(l.past, l.good)
		l.past = l.past[max(0, len(l.past)-keptPast):]
		l.keepUntil = keepUntil
	}
	l.good = l.wanted
	return true
}

// back is the generation that a rollback leads to, and the one that it leads from if that was good; nil if there is none
// that is older and can serve. Lives reports whether there are processes that could serve again: of a generation whose
// code was overwritten, these are all that there is.
func (l *generations) back(now time.Time, lives func(*generation) bool) (to, from *generation) {
	if l.good != nil && l.wanted != l.good && !l.wanted.rejected() && (!l.overwritten(l.good) || lives(l.good)) {
		return l.good, nil
	}
	if n := l.previous(); n != nil && now.Before(l.keepUntil) && lives(n) {
		return n, l.good
	}
	if n := l.onDisk(); n != nil {
		return n, l.good
	}
	for _, n := range slices.Backward(l.past) {
		if lives(n) {
			return n, l.good
		}
	}
	return nil, l.good
}

// onDisk is the newest of what was good before the last good generation whose code was not overwritten, or nil.
func (l *generations) onDisk() *generation {
	for _, n := range slices.Backward(l.past) {
		if !l.redeployed(n) {
			return n
		}
	}
	return nil
}

// redeployed reports whether any newer code came into the folder of n, be it of a generation that was taken back since.
func (l *generations) redeployed(n *generation) bool {
	return slices.ContainsFunc(append(slices.Clone(l.past), l.good, l.wanted), func(newer *generation) bool {
		return newer != nil && newer.number > n.number && newer.release.Path == n.release.Path && newer.source() != n.source()
	})
}

// older reports whether anything has worked before what a rollback would lead from.
func (l *generations) older() bool {
	return len(l.past) > 0 || l.good != nil && l.wanted != l.good && !l.wanted.rejected()
}

// previous is what was good before the last good generation, or nil.
func (l *generations) previous() *generation {
	if len(l.past) == 0 {
		return nil
	}
	return l.past[len(l.past)-1]
}

// takenBack returns the release that an operator has taken back, if the group goes without it. Where the older
// code was in the same folder (a deployment in place) that says nothing of what is there now.
func (l *generations) takenBack() (r Release, taken bool) {
	if l.wanted.standing != takenBack || !l.resisting() || l.inPlace(l.good) {
		return r, false
	}
	return l.wanted.release, true
}

// pinned is the oldest generation that may serve a request which asks for pin: one that was taken back
// cannot be insisted on. One that was never counted here is that of another purser, and is ignored.
func (l *generations) pinned(pin int) int {
	if pin > l.wanted.number {
		return 0
	}
	if l.good != nil && pin <= l.withdrawn {
		return min(pin, l.good.number)
	}
	return pin
}

// leading returns the generation whose answers count: the wanted one from its first process that serves on, unless it
// turns out bad.
func (l *generations) leading(serves bool) *generation {
	if l.good != nil && (l.wanted.bad() || !serves) {
		return l.good
	}
	return l.wanted
}

// releases returns the releases of what serves and of what may come back, the newest generation first. A wanted
// generation of which nothing serves yet, or that is taken back, has no say.
func (l *generations) releases(serves bool, alive []*generation) []Release {
	var known []*generation
	note := func(n *generation) {
		if n != nil && !slices.Contains(known, n) {
			known = append(known, n)
		}
	}
	if !l.wanted.bad() && serves {
		note(l.wanted)
	}
	note(l.good)
	note(l.previous())
	note(l.onDisk())
	for _, n := range alive {
		note(n)
	}
	if len(known) == 0 {
		note(l.wanted)
	}
	paths := make([]Release, len(known))
	for i, n := range known {
		paths[i] = n.release
	}
	return paths
}
