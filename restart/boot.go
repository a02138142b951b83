package restart

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"purser/restart/disk"
)

// A boot is one start of a process, from just before its spawn until it is ready or has failed.
// What a process changes on disk meanwhile (bundler writes Gemfile.lock anew, an entry point .env, puma
// makes a restart.txt) is its own doing, and asks for nothing.
type boot struct {
	number, generation int
	began, ended       time.Time // zero = under way
	print              Print     // of the release, just before; later what the process is of
	revision           string    // of the release, just before
	from               *source   // that it was forked from; nil = it has loaded the code itself, or it is not known yet
	image              image     // of the process, when it was ready
	bare               bool      // there was no restart file just before
	made               stamp     // and this one was there when it ended, before anybody was told that
}

// keptBoots is for how long a boot that has ended is remembered, if its process does not live: the file
// that it made may be seen late.
const keptBoots = 10 * time.Second

// written reports whether a program may write a file when it starts: the files that pin the versions of
// packages, and .env. What restart.watch names is code, and REVISION is a deploy tool's.
func written(file string) bool { return file != "REVISION" && slices.Contains(signs, file) }

// Booting is to be called just before a process is spawned from a release, with its number in the app.
func (c *Checker) Booting(app string, number, generation int, release string) {
	a := c.find(app)
	if a == nil {
		return
	}
	d := c.disk(a)
	b := &boot{number: number, generation: generation, began: time.Now(), revision: d.Revision(release)}
	b.print = Fingerprint(d, release, codeOf(a.app()))
	b.bare = a.app().Restart.File != "" && stampOf(d, release, a.app().Restart.File, stamp{}) == stamp{}
	c.mu.Lock()
	defer c.mu.Unlock()
	a.boots = append(slices.DeleteFunc(a.boots, func(known *boot) bool { return known.over() }), b)
}

// over reports whether there is nothing more to be known from a boot whose process does not live.
func (b *boot) over() bool {
	return b.number < 0 && time.Since(b.ended) > keptBoots
}

// Booted is to be called when the spawn has ended: pid is that of the process, 0 if it failed.
func (c *Checker) Booted(app string, number, pid int) {
	a := c.find(app)
	if a == nil {
		return
	}
	c.mu.Lock()
	b, release := a.boot(number), ""
	if b != nil {
		release = b.print.Path
	}
	c.mu.Unlock()
	if b == nil {
		c.mu.Unlock()
		return
	}
	d := c.disk(a)
	made := stampOf(d, release, a.app().Restart.File, stamp{})
	after, revision, ready := Fingerprint(d, release, codeOf(a.app())), d.Revision(release), image(d.Image(pid))
	c.mu.Lock()
	defer c.mu.Unlock()
	b.ended, b.image = time.Now(), ready
	if b.bare {
		b.made = made
	}
	if b.revision == revision { // else a deploy came in between, and what changed may be all its doing
		a.adopt(b, after)
	}
	if pid == 0 {
		b.number = -1
	}
}

// Adopted is to be called for a process that was started before there was this Checker, with the time when it was
// ready: what has changed in its release since then is news.
func (c *Checker) Adopted(app string, p Process) {
	a := c.find(app)
	if a == nil {
		return
	}
	d := c.disk(a)
	b := &boot{number: p.Number, generation: p.Generation, began: p.Began, ended: p.Began, image: image(d.Image(p.PID)), revision: d.Revision(p.Release)}
	b.print = Fingerprint(d, p.Release, codeOf(a.app())).asOf(p.Began)
	c.mu.Lock()
	defer c.mu.Unlock()
	a.boots = append(a.boots, b)
}

// asOf is what p may have been at an earlier moment: what was written since was another.
func (p Print) asOf(moment time.Time) Print {
	p.Taken = moment
	for i, seen := range p.files {
		if seen.changed > moment.UnixNano() {
			p.files[i] = sight{name: seen.name}
		}
	}
	return p
}

// Gone is to be called when a process has exited.
func (c *Checker) Gone(app string, number int) {
	a := c.find(app)
	if a == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a.boots = slices.DeleteFunc(a.boots, func(b *boot) bool { return b.number == number })
}

func (a *checked) boot(number int) *boot {
	for _, b := range slices.Backward(a.boots) {
		if b.number == number {
			return b
		}
	}
	return nil
}

// adopt takes what changed in a boot for its own doing: no process is outdated by it, nor has a restart
// to be triggered for it. Of what restart.watch names, which people edit, that is so only from the
// second generation in a row on.
func (a *checked) adopt(b *boot, after Print) {
	before := b.print
	maps.DeleteFunc(a.habits, func(_ string, h habit) bool { return h.last < b.generation-1 })
	own := map[string]bool{}
	eachDifference(before, after, func(file, _ string, _ sight) {
		h, known := a.habits[file]
		if !known {
			h.first = b.generation
		}
		h.last = b.generation
		a.habits[file] = h
		own[file] = written(file) || h.first < b.generation
	})
	adopting := func(p Print) Print { return p.adopting(before, after, func(file string) bool { return own[file] }) }
	for _, other := range a.boots {
		other.print = adopting(other.print)
	}
	for _, from := range a.sources {
		from.print = adopting(from.print)
	}
	a.asked.print = adopting(a.asked.print)
}

// A habit is that a file changes in the boots of each generation of a row.
type habit struct{ first, last int }

// adopting is p with some files as they were after, if they were in p as they were before.
func (p Print) adopting(before, after Print, own func(file string) bool) Print {
	if p.Path != before.Path || p.Path != after.Path || p.Dev != after.Dev || p.Inode != after.Inode {
		return p
	}
	files, absent := slices.Clone(p.files), slices.Clone(p.absent)
	eachDifference(before, after, func(name, _ string, _ sight) {
		was, is := before.sightOf(name), after.sightOf(name)
		if !own(name) || !p.sightOf(name).same(was) {
			return
		}
		files = slices.DeleteFunc(files, func(s sight) bool { return s.name == name })
		absent = slices.DeleteFunc(absent, func(s string) bool { return s == name })
		if is.name == "" {
			absent = append(absent, name)
		} else {
			files = append(files, is)
		}
	})
	slices.SortFunc(files, func(a, b sight) int { return strings.Compare(a.name, b.name) })
	p.files, p.absent = files, absent
	return p
}

// sightOf is how a file was seen, the zero sight if it was not.
func (p Print) sightOf(name string) sight {
	at, found := slices.BinarySearchFunc(p.files, name, func(s sight, name string) int { return strings.Compare(s.name, name) })
	if !found {
		return sight{}
	}
	return p.files[at]
}

// Made reports whether a restart file that was not there before is the doing of one of the app's own
// processes: it is empty, came while a process was being started from that release, and no code of the
// release has changed since. For who wants a restart by it, the code that runs would be no other.
func (c *Checker) Made(app, release, file string) bool {
	a := c.find(app)
	if a == nil {
		return false
	}
	d := c.disk(a)
	resolved, err := d.Resolve(release)
	if err != nil {
		return false
	}
	stat, err := disk.Look(d, disk.Within(resolved, file))
	if err != nil || stat.Size > 0 {
		return false
	}
	began, found := c.makerOf(a, resolved, stampOfInfo(stat))
	return found && !codeChanged(d, resolved, began)
}

// makerOf is when the boot of a release began in which its restart file came. Clocks do not tell: that for
// files is behind, and who waits for the process may touch the file at once. An app of which one process
// has started without making the file does not make it.
func (c *Checker) makerOf(a *checked, release string, file stamp) (began time.Time, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range a.boots {
		switch over := !b.ended.IsZero(); {
		case b.print.Path != release || !b.bare:
		case over && b.number >= 0 && b.made == stamp{}:
			return time.Time{}, false
		case !over || b.made == file:
			began, found = b.began, true
		}
	}
	return began, found
}

// data are the endings of files that an app writes, and that are no code.
var data = []string{".log", ".pid", ".sock", ".sqlite3", ".sqlite", ".db", ".sqlite3-wal", ".sqlite3-shm", ".cache", ".tmp", ".lock"}

// codeChanged reports whether a file of the release may have been deployed since.
func codeChanged(d disk.Disk, release string, since time.Time) bool {
	found := d.Search(release, []disk.Glob{{"**", "*"}})
	return found.Cut || slices.ContainsFunc(found.Files, func(f disk.Entry) bool {
		return f.Changed >= since.UnixNano() && !slices.Contains(data, path.Ext(f.Name)) && !written(f.Name)
	})
}

// processes are those of an app that serve, each with what it is of.
func (c *Checker) processes(a *checked) []Process {
	live := c.live(a.app().Name)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range live {
		b := a.boot(p.Number)
		if b == nil {
			continue
		}
		if p.Print.Taken.IsZero() {
			live[i].Print = b.print
		}
		if b.from != nil {
			live[i].Began = b.from.began
		}
	}
	return live
}

// hasProcesses reports whether there may be any of an app, at no cost.
func (c *Checker) hasProcesses(a *checked) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(a.boots) > 0
}

// images looks for processes that have replaced themselves by another program since they were ready, or
// by the same one anew: what they run may be code of any generation.
func (c *Checker) images(a *checked, processes []Process) {
	if c.Reexecuted == nil {
		return
	}
	for _, p := range processes {
		ready := image("")
		c.mu.Lock()
		if b := a.boot(p.Number); b != nil {
			ready = b.image
		}
		c.mu.Unlock()
		if ready == "" {
			continue
		}
		if now := image(c.disk(a).Image(p.PID)); now != "" && now != ready {
			c.Reexecuted(a.app().Name, p)
		}
	}
}

// An image tells one execve(2) of a process from the next. "" = it cannot be told.
type image string
