package restart

import (
	"cmp"
	"slices"
	"time"

	"purser/restart/disk"
)

// A Process is one that serves: not one that starts, drains or stops.
type Process struct {
	Number     int
	PID        int
	Generation int
	Release    string    // real path of what it was started from
	Began      time.Time // when its code was loaded: of one that was forked from another, when that began
	Print      Print     // of Release, taken just before; the zero Print is never outdated
}

// identity tells a process from every other of its app, before and after it.
func (p Process) identity() [3]int { return [3]int{p.Number, p.PID, p.Generation} }

// A Need is why an app needs a restart. One that something changed ends with the live processes that
// are older, and not when somebody says that it was seen to. A mark ends with a restart that was
// requested after it and is done, or with its file.
type Need struct {
	Kind   string    `json:"kind"`             // Marked or Changed
	Reason string    `json:"reason,omitempty"` // the mark's, or such as "Gemfile.lock changed"
	File   string    `json:"file,omitempty"`   // the mark, or what changed, relative to the release; or the app's root
	Since  time.Time `json:"since"`            // when it was marked or changed
	PIDs   []int     `json:"pids,omitempty"`   // of the processes that are older

	mark     stamp     // of a mark
	latest   time.Time // of what is told
	outdated []Process
}

// Kinds of needs.
const (
	Marked  = "mark"    // somebody said so
	Changed = "changed" // the code on disk is newer than what runs
)

// lag is how far the time of a file may be behind the time at which it was made: that of the
// kernel's clock for files, and of file systems that only know whole seconds.
const lag = time.Second

// needs are what the processes need by the last look, oldest first.
func (a *checked) needs(processes []Process) []Need {
	var found []Need
	for _, mark := range a.seen.marks {
		if !a.settled[mark.stamp] {
			found = append(found, a.marked(mark, processes))
		}
	}
	for _, process := range processes {
		change, ok := Compare(process.Print, a.seen.print)
		if !ok {
			delete(a.stale, process.identity())
			continue
		}
		since, known := a.stale[process.identity()]
		if !known || change.When.Before(since) {
			since = change.When
			a.stale[process.identity()] = since
		}
		at := slices.IndexFunc(found, func(n Need) bool {
			return n.Kind == "changed" && n.File == change.File && n.Reason == change.Reason
		})
		if at < 0 {
			at = len(found)
			found = append(found, Need{Kind: "changed", Reason: change.Reason, File: change.File, Since: since, latest: change.When})
		}
		found[at].Since = earlier(found[at].Since, since)
		found[at].outdated = append(found[at].outdated, process)
	}
	slices.SortStableFunc(found, func(a, b Need) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Reason, b.Reason)) })
	return stillOf(found, processes)
}

func (a *checked) marked(mark Mark, processes []Process) Need {
	need := Need{Kind: "mark", Reason: mark.Reason, File: disk.Printable(mark.Path), Since: a.came[mark.stamp], mark: mark.stamp, latest: a.came[mark.stamp]}
	for _, process := range processes {
		if !process.Began.After(need.Since.Add(lag)) {
			need.outdated = append(need.outdated, process)
		}
	}
	return need
}

// stillOf are those of the needs that live processes have, and all marks: who marked an app is to see a
// restart, even if purser itself was started anew meanwhile.
func stillOf(needs []Need, live []Process) []Need {
	alive := map[[3]int]bool{}
	for _, process := range live {
		alive[process.identity()] = true
	}
	still := []Need{}
	for _, need := range needs {
		need.PIDs = nil
		for _, process := range need.outdated {
			if alive[process.identity()] {
				need.PIDs = append(need.PIDs, process.PID)
			}
		}
		if slices.Sort(need.PIDs); len(need.PIDs) > 0 || need.Kind == "mark" {
			still = append(still, need)
		}
	}
	return still
}
