package restart

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"purser/restart/disk"
)

// signs are the files that say which code and which packages a release consists of, beside what
// restart.watch names.
var signs = []string{
	"REVISION", ".env", ".env.local",
	".ruby-version", ".python-version", ".node-version", ".nvmrc", ".tool-versions",
	"Gemfile.lock", "gems.locked",
	"requirements.txt", "poetry.lock", "uv.lock", "Pipfile.lock",
	"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
}

// A Print is what the files of a release that matter were like at one moment: not what is in them,
// but device, inode, size and modification time of each. It is taken just before a process is
// started from the release, and says later whether that process still is what it would be now.
type Print struct {
	Path       string // real path of the release; "" = there was none to be looked at
	Dev, Inode uint64 // of that folder
	Taken      time.Time
	Cut        bool // not everything was looked at, as there is too much

	root    string // that was asked for
	files   []sight
	partial bool     // not everything could be looked at: what is missing may be there
	absent  []string // but not these
	links   []sight  // the symlinks by which root leads to Path
	unsure  bool     // a process is being started, which may write files: those say nothing yet
}

// A sight is one file as it was seen.
type sight struct {
	name string // relative to the release
	stamp
	size    int64
	changed int64 // ns since 1970; tells when, never whether
}

func sightOf(name string, i disk.Info) sight { return sight{name, stampOfInfo(i), i.Size, i.Changed} }

func (s sight) same(other sight) bool { return s.stamp == other.stamp && s.size == other.size }

// Fingerprint looks at REVISION, .env, .env.local, the files that pin the version of the language
// (.ruby-version, .python-version, .node-version, .nvmrc, .tool-versions) and of packages
// (Gemfile.lock, gems.locked, requirements.txt, poetry.lock, uv.lock, Pipfile.lock,
// package-lock.json, npm-shrinkwrap.json, yarn.lock, pnpm-lock.yaml), and at whatever watch matches.
// Release is an absolute path, real or leading to the release.
//
// Watch is conf.Restart.Watch: "**" is any number of folders, or at the end all that is below. As in
// a shell, a wildcard matches no name that begins with a dot; and "**" does not enter what an app
// writes itself or what a lock file stands for: node_modules and __pycache__, and tmp and log of the
// release. No wildcard enters a symlinked folder, and a symlink that it matches counts as what it
// leads to only within the release. A file that is named in full may be anywhere, as the linked
// files of a deploy tool are. Only regular files count, and nothing is opened but folders. At most
// 20,000 entries of folders are looked at, and 64 folders deep.
func Fingerprint(d disk.Disk, release string, watch []string) Print {
	p := Print{Taken: time.Now(), root: release}
	resolved, err := d.Resolve(release)
	if err != nil {
		return p
	}
	stat, err := disk.Look(d, resolved)
	if err != nil || !stat.IsFolder() {
		return p
	}
	p.Path, p.Dev, p.Inode = resolved, stat.Dev, stat.Inode
	p.links = linksOf(d, release)
	named, globs := parseGlobs(watch)
	names := slices.Concat(signs, named)
	for i, found := range d.Stat(resolved, names...) {
		p.see(names[i], found)
	}
	if len(globs) > 0 {
		found := d.Search(resolved, globs)
		for _, file := range found.Files {
			p.files = append(p.files, sightOf(file.Name, file.Info))
		}
		p.Cut, p.partial = found.Cut, p.partial || found.Cut || found.Partial
	}
	slices.SortFunc(p.files, func(a, b sight) int { return strings.Compare(a.name, b.name) })
	p.files = slices.CompactFunc(p.files, func(a, b sight) bool { return a.name == b.name })
	return p
}

func (p *Print) see(name string, found disk.Stat) {
	switch {
	case errors.Is(found.Err, fs.ErrNotExist), errors.Is(found.Err, syscall.ENOTDIR):
		p.absent = append(p.absent, name)
	case found.Err != nil:
		p.partial = true
	case found.IsRegular():
		p.files = append(p.files, sightOf(name, found.Info))
	default:
		p.absent = append(p.absent, name)
	}
}

// lacks reports whether a file was certainly not there, as it is not among those that were.
func (p Print) lacks(name string) bool { return !p.partial || slices.Contains(p.absent, name) }

// linksOf are the symlinks on the way to where a path leads.
func linksOf(d disk.Disk, path string) []sight {
	var links []sight
	for _, step := range d.Walk("/", path).Steps {
		if step.Link.IsLink() {
			links = append(links, sightOf(filepath.Join(step.Folder, step.Entry), step.Link))
		}
	}
	return links
}

// A Change is how what is on disk differs from what a process was started from.
type Change struct {
	File   string    // relative to the release; the root's path if that leads elsewhere
	Reason string    // such as "Gemfile.lock changed"
	When   time.Time // by the file's own times if they can be true; else when it was seen
}

// Compare reports whether a process that was started when old was taken would be another if it were
// started now. Of several changes it tells the newest. A time counts as changed if it differs, be it
// older. What could not be looked at both times says nothing: so a release that is not there is no
// change, nor is a file that a wildcard found missing from a Print that is cut.
func Compare(old, now Print) (Change, bool) {
	switch {
	case old.Path == "" || now.Path == "":
		return Change{}, false
	case old.Path != now.Path:
		return now.leadsElsewhere(old, filepath.Base(now.root)+" leads to "+now.Path), true
	case old.Dev != now.Dev || old.Inode != now.Inode:
		return now.leadsElsewhere(old, now.Path+" is another folder now"), true
	}
	var newest Change
	eachDifference(old, now, func(file, what string, seen sight) {
		if (old.unsure || now.unsure) && written(file) {
			return
		}
		when := seen.when(old.Taken, now.Taken)
		if newest.When.Before(when) {
			newest = Change{disk.Printable(file), disk.Printable(file) + " " + what, when}
		}
	})
	return newest, newest.Reason != ""
}

func (p Print) leadsElsewhere(old Print, reason string) Change {
	change := Change{File: disk.Printable(p.root), Reason: disk.Printable(reason), When: p.Taken}
	for _, link := range p.links {
		if !slices.ContainsFunc(old.links, func(known sight) bool { return known == link }) {
			change.When = earlier(change.When, link.when(old.Taken, p.Taken))
		}
	}
	return change
}

// eachDifference walks along both lists of files, which are sorted.
func eachDifference(old, now Print, visit func(file, what string, seen sight)) {
	before, after := old.files, now.files
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = strings.Compare(before[0].name, after[0].name)
		}
		switch {
		case order < 0 && now.lacks(before[0].name):
			visit(before[0].name, "removed", sight{})
		case order > 0 && old.lacks(after[0].name):
			visit(after[0].name, "added", after[0])
		case order == 0 && !before[0].same(after[0]):
			visit(after[0].name, "changed", after[0])
		}
		if order <= 0 {
			before = before[1:]
		}
		if order >= 0 {
			after = after[1:]
		}
	}
}

// when is the time of a change that happened between two looks. The modification time may be one
// that was carried along from elsewhere, and the clock of a file server may be wrong.
func (s sight) when(from, to time.Time) time.Time {
	for _, at := range []int64{s.modified, s.changed} {
		if when := time.Unix(0, at); when.After(from) && when.Before(to) {
			return when
		}
	}
	return to
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// sameDisk reports whether nothing has happened between two looks at the same root. That a symlink
// was made anew is something, though it leads where it led.
func sameDisk(a, b Print) bool {
	_, changed := Compare(a, b)
	return !changed && a.Path == b.Path && slices.EqualFunc(a.links, b.links, sight.same)
}
