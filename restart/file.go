package restart

import (
	"errors"
	"io/fs"
	"slices"

	"purser/restart/disk"
)

// A file is one app's restart file, and what the last look at it showed.
type file struct {
	app  string
	disk disk.Disk
	root string // as configured
	name string // relative to root, or absolute
	live string // real path of the live release; "" = none
	made string // by which release a file was found, in the last look, that was not there before

	configured stamp  // through root
	released   stamp  // through live
	looked     string // the live release at the last look

	watched []*watched // where inotify watches for it
	sure    bool       // inotify tells every change
}

// A stamp tells a file from itself touched, and from another in its place. The zero stamp is that of
// no file.
type stamp struct {
	dev, inode uint64
	modified   int64 // ns since 1970
}

// look returns why the file asks for a restart, "" if it does not. Both paths may lead to the same
// file, and the touch may come between looking at the one and at the other: so a stamp that was seen
// through either is no news.
func (f *file) look(live string) string {
	before := *f
	f.live, f.looked, f.made = live, live, ""
	f.configured = stampOf(f.disk, f.root, f.name, before.configured)
	known := []stamp{{}, before.configured}
	if f.looked != before.looked {
		// Another release's file is not the old one's changed: this look only gets to know it.
		f.released = stampOf(f.disk, f.live, f.name, stamp{})
	} else {
		f.released = stampOf(f.disk, f.live, f.name, before.released)
		known = append(known, before.released)
	}
	switch {
	case !slices.Contains(known, f.configured):
		was := before.configured
		if was == (stamp{}) && sameFile(before.released, f.configured) {
			was = before.released // it came while the last look was between the two
		}
		return f.reason(f.root, was, f.configured)
	case f.looked == before.looked && !slices.Contains(known, f.released):
		return f.reason(f.live, before.released, f.released)
	}
	return ""
}

func (f *file) reason(root string, before, now stamp) string {
	switch {
	case before == stamp{}:
		f.made = root
		return f.name + " created"
	case sameFile(before, now):
		return f.name + " touched"
	}
	return f.name + " replaced"
}

func sameFile(a, b stamp) bool { return a.dev == b.dev && a.inode == b.inode }

// stampOf looks at one path. A folder that cannot be looked into says nothing about the file, be it
// that a symlink is just being flipped or that a file server is away: then it is as before. The
// folder is resolved first, so that a flip in between does not make its file look deleted.
func stampOf(d disk.Disk, root, name string, before stamp) stamp {
	if root == "" {
		return stamp{}
	}
	resolved, err := d.Resolve(root)
	if err != nil {
		return before
	}
	stat, err := disk.Look(d, disk.Within(resolved, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return stamp{}
	case err != nil:
		return before
	}
	return stampOfInfo(stat)
}

func stampOfInfo(i disk.Info) stamp { return stamp{i.Dev, i.Inode, i.Modified} }

func (s stamp) info() disk.Info {
	return disk.Info{Dev: s.dev, Inode: s.inode, Modified: s.modified}
}
