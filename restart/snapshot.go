package restart

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"purser/conf"
	"purser/restart/disk"
)

// A snapshot is what one look at an app's folders showed.
type snapshot struct {
	at    time.Time
	print Print
	marks []Mark
}

// snapshotOf is what the app would be started from now, and its marks. The error is of marks that cannot be
// looked for.
func snapshotOf(d disk.Disk, app conf.App, processes []Process, print Print, now time.Time) (snapshot, error) {
	roots := []string{app.Root}
	for _, process := range processes {
		if !slices.Contains(roots, process.Release) {
			roots = append(roots, process.Release)
		}
	}
	marks, err := Marks(d, roots...)
	return snapshot{now, print, marks}, err
}

// same reports whether nothing has happened between two snapshots.
func (s snapshot) same(other snapshot) bool {
	return !s.newer(other) && !other.newer(s)
}

// newer reports whether something is here that was not there. A mark that went is nothing.
func (s snapshot) newer(than snapshot) bool {
	known := stampsOf(than.marks)
	return slices.ContainsFunc(s.marks, func(m Mark) bool { return !known[m.stamp] }) || !sameDisk(than.print, s.print)
}

func stampsOf(marks []Mark) map[stamp]bool {
	stamps := make(map[stamp]bool, len(marks))
	for _, mark := range marks {
		stamps[mark.stamp] = true
	}
	return stamps
}

// Checked is one app of a Checker.
type checked struct {
	conf atomic.Pointer[conf.App] // as it is now

	seen  snapshot
	quiet time.Time // of the first look that showed the snapshot that was seen
	asked snapshot  // what the last restart was asked for

	came    map[stamp]time.Time  // of each mark that was seen
	settled map[stamp]bool       // marks whose files may still be there
	stale   map[[3]int]time.Time // since when a process is outdated by what changed
	needed  []Need               // by the last look

	boots   []*boot          // those under way, those of the processes that live, and the last that failed
	sources []*source        // of the processes that live, and the newest
	habits  map[string]habit // of each file that changed in the last boots

	due    time.Time     // Run's: when to look again, or as soon as a process of it lives if
	rests  bool          // none did
	looked time.Time     // when Needs last looked
	marks  bool          // there is a mark since that
	cost   time.Duration // of that
	warned map[string]bool
}

func (a *checked) app() *conf.App { return a.conf.Load() }

// record notes what a look showed. It returns why a restart is to be triggered by it, "" if none is.
func (a *checked) record(seen snapshot, processes []Process) string {
	if !a.note(seen, processes) || !a.pending() || seen.at.Sub(a.quiet) < a.app().Restart.Settle {
		return ""
	}
	a.asked = seen
	a.asked.print.unsure = false
	return reasonFor(a.needed)
}

// note notes what a look showed, and reports whether that says anything. A root that leads nowhere
// does not: a symlink is just being flipped, or a file server is away. Nor is what was seen before a
// restart was requested, or before another look, news to it.
func (a *checked) note(seen snapshot, processes []Process) bool {
	if seen.print.Path == "" || seen.at.Before(a.asked.at) || seen.at.Before(a.seen.at) {
		return false
	}
	if !seen.same(a.seen) {
		a.quiet = seen.at
	}
	a.date(seen)
	a.seen = seen
	a.forget(processes)
	a.needed = a.needs(processes)
	return true
}

// pending reports whether there is something that a restart is to be triggered for once it is quiet.
func (a *checked) pending() bool {
	return a.app().Restart.Auto == "changed" && len(a.needed) > 0 && a.seen.newer(a.asked)
}

// date notes when marks came that were not seen before. If the clock of their file server is slow,
// it was not before the last look, which did not show them.
func (a *checked) date(seen snapshot) {
	for _, mark := range seen.marks {
		if _, known := a.came[mark.stamp]; !known {
			a.came[mark.stamp] = mark.At
			if a.seen.at.After(mark.At) {
				a.came[mark.stamp] = a.seen.at
			}
		}
	}
}

// forget drops what was noted of marks and processes that are gone.
func (a *checked) forget(processes []Process) {
	marks := stampsOf(a.seen.marks)
	maps.DeleteFunc(a.came, func(mark stamp, _ time.Time) bool { return !marks[mark] })
	maps.DeleteFunc(a.settled, func(mark stamp, _ bool) bool { return !marks[mark] })
	maps.DeleteFunc(a.stale, func(identity [3]int, _ time.Time) bool {
		return !slices.ContainsFunc(processes, func(p Process) bool { return p.identity() == identity })
	})
}
