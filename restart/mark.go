package restart

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"purser/restart/disk"
)

// A Mark is a note that an app needs a restart: a file in tmp/needs-restart.d of its root. Any
// script may drop one there, and as a file it outlives purser. Only regular files whose name does
// not begin with a dot are marks. Tmp may be a symlink, as Capistrano's shared folders are, but as root
// not one to the folder of another user; needs-restart.d and what is in it may be none.
type Mark struct {
	Path   string    `json:"path"`   // by the folder's real path
	Reason string    `json:"reason"` // printable part of the file's first line; its name, if there is none
	At     time.Time `json:"at"`     // when it came or was last changed, which nobody can set back

	stamp stamp
}

// WriteMark notes that the app in root needs a restart. The reason is cut to its first line and to
// 200 bytes; "" is "marked without a reason". The file appears all at once and is readable by all.
// Tmp must be there; needs-restart.d in it is made, and belongs to whom tmp belongs to.
func WriteMark(d disk.Disk, root, reason string) error {
	if err := writeMark(d, root, reason); err != nil {
		tmp := filepath.Join(root, "tmp")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("cannot mark the app, as there is no folder %s; create it, owned by the app's user", tmp)
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("cannot mark the app, as you may not write to %s; do it as the owner of that folder, or as root", filepath.Join(tmp, disk.MarksFolder))
		}
		return fmt.Errorf("cannot mark the app; make %s a folder that you can write to: %w", filepath.Join(tmp, disk.MarksFolder), err)
	}
	return nil
}

func writeMark(d disk.Disk, root, reason string) error {
	line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
	line = strings.TrimSpace(disk.Printable(line))
	line = strings.ToValidUTF8(line[:min(len(line), disk.MostReason)], "")
	return d.WriteMark(root, cmp.Or(line, "marked without a reason")+"\n")
}

// Marks are the marks of one app, which may be looked for by several paths: as a tmp that is not
// shared belongs to one release, these are the configured root and the real path of each release
// that is live. A folder that several lead to is looked at once. The oldest mark is the first. A
// folder that is not there has no marks; the error is of those that cannot be looked into, beside
// the marks of the others.
func Marks(d disk.Disk, roots ...string) ([]Mark, error) {
	var found []Mark
	var failed error
	known := map[[2]uint64]bool{}
	for _, root := range roots {
		marks, err := marksIn(d, root, known)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("cannot look for marks: %w", err))
		}
		found = append(found, marks...)
	}
	slices.SortFunc(found, func(a, b Mark) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Path, b.Path)) })
	return found, failed
}

func marksIn(d disk.Disk, root string, known map[[2]uint64]bool) ([]Mark, error) {
	if root == "" {
		return nil, nil
	}
	folder, entries, err := d.Marks(root)
	at := [2]uint64{folder.Dev, folder.Inode}
	if err != nil || known[at] {
		return nil, err
	}
	known[at] = true
	var found []Mark
	for _, entry := range entries {
		found = append(found, Mark{Path: entry.Name, Reason: entry.Text, At: entry.ChangedAt(), stamp: stampOfInfo(entry.Info)})
	}
	return found, nil
}

// RemoveMarks removes what a restart has settled that is done: the marks that were there when it
// was requested, and no others. One that was written anew since under the same name is another and
// stays. It returns those that could not be removed, and why.
func RemoveMarks(d disk.Disk, marks []Mark) (left []Mark, err error) {
	for _, mark := range marks {
		if removing := d.RemoveMark(mark.Path, mark.stamp.info()); removing != nil && !errors.Is(removing, fs.ErrNotExist) {
			left = append(left, mark)
			err = errors.Join(err, fmt.Errorf("cannot remove a mark: %w", removing))
		}
	}
	return left, err
}
