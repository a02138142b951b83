// Package disk is all that purser does with what the user of an app owns: it looks at the app's folders, reads and
// writes a few small files in them, and opens its logs and static files. Whoever owns a folder may put a link in the
// place of anything in it, so what is done there must be no more than that user may do himself. There are two ways:
// Own does it as this process, and the helper (package helper) does it as that user.
//
// What may be written is fixed: restart.status, marks, and the end of a log. What of a file is told is as well: the
// first line of what says which revision a release is of, and of marks. Else there is only how files are, not what
// is in them; but for static files and pages, which all the world may read.
package disk

import (
	"errors"
	"os"
)

// A Disk is a way to what the user of an app owns. Paths are absolute. Errors are those of package os, as far as the
// system has refused something.
type Disk interface {
	// Resolve is a path without links, as filepath.EvalSymlinks has it.
	Resolve(path string) (string, error)
	// Stat looks at what is in a folder by some names, or at absolute paths; links are followed.
	Stat(folder string, names ...string) []Stat
	// Walk goes along a path from a folder, which has no links on its way.
	Walk(folder, path string) Way
	// Search looks for the files below a folder that globs match.
	Search(folder string, globs []Glob) Found
	// Image tells one execve(2) of a process from the next; "" = it cannot be told.
	Image(pid int) string

	// Revision is the first line of the REVISION file of a release, else its git commit; "" = it has none.
	Revision(release string) string
	// Marks are those below the tmp of a root, and their folder.
	Marks(root string) (folder Info, marks []Entry, err error)
	// WriteMark puts a mark there, with that as its text.
	WriteMark(root, text string) error
	// RemoveMark removes a mark by its path, if it still is what it was.
	RemoveMark(path string, seen Info) error
	// WriteStatus puts a restart.status into a folder, which is named from a root, or absolute.
	WriteStatus(root, folder string, text []byte) error

	// Inotify opens an inotify(7) for Watch. How many there may be is counted for each user.
	Inotify() (*os.File, error)
	// Watch has one tell of what is at a path. Blind is on a file system of which it may not tell everything.
	Watch(inotify *os.File, path string, mask uint32) (watch int, blind bool, err error)
	// OpenLog opens a log below a root for appending, and makes it.
	OpenLog(root, name string) (*os.File, error)
	// ListStatic lists what lies directly in the folder of static files of a release, at most MostStatic names.
	ListStatic(release, folder string) ([]string, error)
	// OpenStatic opens a file below the folder of static files of a release, for reading.
	OpenStatic(release, folder, name string) (*os.File, error)
	// OpenPage opens a page that the configuration names in a release, or by an absolute path.
	OpenPage(release, name string) (*os.File, error)
	// OpenBelow opens a file below a folder by its absolute path, for reading. No link leads out of that.
	OpenBelow(folder, name string) (*os.File, error)
}

// Own is the way of this process itself.
var Own Disk = own{}

type own struct{}

// Info is how a file is.
type Info struct {
	Dev, Inode        uint64
	Mode              uint32 // as stat(2) has it
	Size              int64
	Modified, Changed int64 // ns since 1970; nobody can choose the latter
}

// A Stat is what was found by a name, or why nothing was.
type Stat struct {
	Info
	Err error
}

// An Entry is a file by its name. Of a mark, that is its path, and Text its reason.
type Entry struct {
	Name, Text string
	Info
}

// Unanswered reports whether an error of a Disk says nothing about what was asked for: the user has held up what looks as
// him, or the system has no process for it.
func Unanswered(err error) bool {
	_, is := errors.AsType[interface {
		error
		Unanswered()
	}](err)
	return is
}

// Look is Stat for one path.
func Look(d Disk, path string) (Info, error) {
	found := d.Stat("/", path)[0]
	return found.Info, found.Err
}
