package restart

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// A Checker compares what some apps would be started from with what their live processes were
// started from, and looks for their marks. It says what needs a restart, and triggers it for apps
// whose Restart.Auto is "changed".
type Checker struct {
	live    func(app string) []Process
	trigger func(app, reason string)
	log     hclog.Logger
	now     func() time.Time
	poll    time.Duration // how late a change is seen

	// Reexecuted is told of a process that has replaced itself by another program, or by the same one
	// anew, since it was ready. It is called by Run alone; nil = nobody looks for that.
	Reexecuted func(app string, p Process)

	// Disk is the way to what the user of an app owns. It is set before the first app is added; nil = disk.Own for all.
	Disk func(app conf.App) disk.Disk

	// mu guards what follows, and what was seen of each app. Nothing is looked at and nobody called under it.
	mu   sync.Mutex
	apps []*checked // the list is replaced and never changed
}

// share is the part of one processor's time, 1 in 50, that looking at one app may take.
const share = 50

// NewChecker looks at every app once. What is there by then counts as asked for: the processes are
// about to be started from it, or were kept by an earlier purser that was asked; so it may be a need
// that is shown, but nothing is triggered for it.
//
// Live gives the processes of an app that serve; NewChecker and Add call it, too. A Process needs no Print if
// Booting and Booted were called for it, nor the Began of one for which Forked was. Trigger is told the app
// and why; it is called by Run alone, for what was not there when the last restart was triggered or
// Requested, once nothing has changed for Restart.Settle. So one that fails is not tried again before
// something happens, and ten marks are one restart. Neither must block; for apps of different users both are called at
// the same time, too.
func NewChecker(apps []conf.App, live func(app string) []Process, trigger func(app, reason string), log hclog.Logger) *Checker {
	c := &Checker{live: live, trigger: trigger, log: log.Named("restart"), now: time.Now, poll: 2 * time.Second}
	for _, app := range apps {
		c.Add(app)
	}
	return c
}

// Add checks one more app, as NewChecker does. It may be called while Run runs.
func (c *Checker) Add(app conf.App) {
	a := &checked{
		came:    map[stamp]time.Time{},
		settled: map[stamp]bool{},
		stale:   map[[3]int]time.Time{},
		warned:  map[string]bool{},
		habits:  map[string]habit{},
	}
	a.conf.Store(&app)
	c.mu.Lock()
	c.apps = append(slices.Clip(c.apps), a)
	c.mu.Unlock()
	c.Requested(app.Name)
}

// Remove ends the checks of an app. A trigger that is under way may still come.
func (c *Checker) Remove(app string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apps = slices.DeleteFunc(slices.Clone(c.apps), func(a *checked) bool { return a.app().Name == app })
}

func (c *Checker) disk(a *checked) disk.Disk { return diskOf(c.Disk, *a.app()) }

// diskOf is the way to what the user of an app owns.
func diskOf(choose func(conf.App) disk.Disk, app conf.App) disk.Disk {
	if choose == nil {
		return disk.Own
	}
	return choose(app)
}

func (c *Checker) list() []*checked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.apps
}

// unhurried is how often an app is looked at for which nothing is triggered: Needs looks by itself, but
// when a mark came is best known soon.
const unhurried = 30 * time.Second

// atRest is how often that is done if no process of it lives, until one does: each look may take a process of its user,
// and hundreds of apps that rest would keep as many of these alive.
const atRest = 10 * time.Minute

// look looks at one app. It returns how long there is no need to look again.
func (c *Checker) look(a *checked) time.Duration {
	processes := c.processes(a)
	c.images(a, processes)
	seen := c.see(a, processes, c.last(a))
	c.mu.Lock()
	reason := a.record(seen, processes)
	rest := c.poll
	switch {
	case a.pending():
		rest = min(rest, a.app().Restart.Settle)
	case a.app().Restart.Auto != "changed":
		rest = max(rest, unhurried)
		if len(processes) == 0 {
			rest = max(rest, atRest)
		}
	}
	a.rests = len(processes) == 0
	c.mu.Unlock()
	if reason != "" {
		c.trigger(a.app().Name, reason)
	}
	return rest
}

// see looks at an app. What was seen last on disk stands if no process can be older than what is there
// now: a thousand apps that rest must cost nothing.
func (c *Checker) see(a *checked, processes []Process, last Print) snapshot {
	before := c.unsure(a)
	print := last
	if print.Path == "" || len(processes) > 0 {
		print = Fingerprint(c.disk(a), a.app().Root, codeOf(a.app()))
	}
	seen, err := snapshotOf(c.disk(a), *a.app(), processes, print, c.now())
	seen.print.unsure = slices.Contains(before, seen.print.Path) || slices.Contains(c.unsure(a), seen.print.Path)
	if err != nil {
		c.warn(a, "marks may be overlooked", "error", err)
		c.mu.Lock()
		seen.marks = unite(seen.marks, a.seen.marks)
		c.mu.Unlock()
	}
	if seen.print.Cut {
		c.warn(a, "restart.watch names too many files, so not every change is noticed", "most-entries", disk.MostEntries, "most-depth", disk.MostDepth)
	}
	return seen
}

// last is what was seen last on disk.
func (c *Checker) last(a *checked) Print {
	c.mu.Lock()
	defer c.mu.Unlock()
	return a.seen.print
}

// unsure are the releases that processes are being started from.
func (c *Checker) unsure(a *checked) (releases []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range a.boots {
		if b.ended.IsZero() {
			releases = append(releases, b.print.Path)
		}
	}
	return releases
}

// unite adds the marks that were seen before, as their folder cannot be looked into now.
func unite(marks, before []Mark) []Mark {
	known := stampsOf(marks)
	for _, mark := range before {
		if !known[mark.stamp] {
			marks = append(marks, mark)
		}
	}
	return marks
}

// warn says a thing once for each app.
func (c *Checker) warn(a *checked, message string, facts ...any) {
	c.mu.Lock()
	warned := a.warned[message]
	a.warned[message] = true
	c.mu.Unlock()
	if !warned {
		c.log.With("app", a.app().Name).Warn(message, facts...)
	}
}

func (c *Checker) find(app string) *checked {
	for _, a := range c.list() {
		if a.app().Name == app {
			return a
		}
	}
	return nil
}

// Needs are why the app needs a restart, the oldest first; none if it does not. It looks at the disk
// for that, unless that would cost more than one part in ten of a processor.
func (c *Checker) Needs(app string) []Need {
	a := c.find(app)
	if a == nil {
		return []Need{}
	}
	processes := c.processes(a)
	if c.affords(a, len(processes) == 0) {
		began := time.Now()
		seen := c.see(a, processes, c.last(a))
		c.mu.Lock()
		a.note(seen, processes)
		a.cost, a.looked, a.marks = time.Since(began), time.Now(), false
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return stillOf(a.needed, processes)
}

// Marked is to be called when a mark was put there: the next look is not put off.
func (c *Checker) Marked(app string) {
	if a := c.find(app); a != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		a.marks = true
	}
}

// affords reports whether to look anew. Hundreds of apps that rest would else have a process of each user started for
// one status: nothing of them can be outdated.
func (c *Checker) affords(a *checked, rests bool) bool {
	others := c.disk(a) != disk.Own
	c.mu.Lock()
	defer c.mu.Unlock()
	if rests && others && !a.marks && min(time.Since(a.looked), time.Since(a.asked.at)) < atRest {
		return false
	}
	return time.Since(a.looked) > 10*a.cost
}

// Requested is to be called whenever a restart of the app is requested, before its release is
// resolved. What is on disk by now is asked for with it, and nothing more is triggered for that. It
// returns the marks that the restart settles when it is done: for Settled.
func (c *Checker) Requested(app string) []Mark {
	a := c.find(app)
	if a == nil {
		return nil
	}
	seen := c.see(a, c.processes(a), Print{})
	seen.print.unsure = false // a request is for all there is
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen.print.Path == "" {
		seen.print = a.asked.print
	}
	if !seen.at.Before(a.asked.at) {
		a.asked = seen
	}
	return seen.marks
}

// Settled is to be called when a restart is done, with the marks that Requested gave for it. Their
// files are removed, and nothing is needed for them any more even if they cannot be.
func (c *Checker) Settled(app string, marks []Mark) {
	a := c.find(app)
	if a == nil {
		return
	}
	if _, err := RemoveMarks(c.disk(a), marks); err != nil {
		c.warn(a, "cannot remove the marks of an app that was restarted; remove them yourself", "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(a.settled, stampsOf(marks))
	a.needed = slices.DeleteFunc(slices.Clone(a.needed), func(n Need) bool { return a.settled[n.mark] })
}

// reasonFor names what happened last.
func reasonFor(needs []Need) string {
	newest := slices.MaxFunc(needs, func(a, b Need) int { return a.latest.Compare(b.latest) })
	reason := newest.Reason
	if newest.Kind == "mark" {
		reason = "marked: " + reason
	}
	if others := len(needs) - 1; others > 0 {
		reason += fmt.Sprintf(", and %d more", others)
	}
	return reason
}
