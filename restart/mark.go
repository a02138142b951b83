package restart

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
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

const (
	marksFolder = "needs-restart.d"
	maxMarks    = 1000 // that are looked at in one folder; the others have their turn when these are gone
	maxReason   = 200  // bytes
)

// WriteMark notes that the app in root needs a restart. The reason is cut to its first line and to
// 200 bytes; "" is "marked without a reason". The file appears all at once and is readable by all.
// Tmp must be there; needs-restart.d in it is made, and belongs to whom tmp belongs to.
func WriteMark(root, reason string) error {
	if err := writeMark(root, reason); err != nil {
		tmp := filepath.Join(root, "tmp")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("cannot mark the app, as there is no folder %s; create it, owned by the app's user", tmp)
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("cannot mark the app, as you may not write to %s; do it as the owner of that folder, or as root", filepath.Join(tmp, marksFolder))
		}
		return fmt.Errorf("cannot mark the app; make %s a folder that you can write to: %w", filepath.Join(tmp, marksFolder), err)
	}
	return nil
}

func writeMark(root, reason string) error {
	tmp, err := openTmp(root)
	if err != nil {
		return err
	}
	defer tmp.Close()
	if err := makeMarksFolder(tmp); err != nil {
		return err
	}
	folder, err := openMarks(tmp)
	if err != nil {
		return err
	}
	defer folder.Close()
	line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
	line = strings.TrimSpace(printable(line))
	line = strings.ToValidUTF8(line[:min(len(line), maxReason)], "")
	return replace(folder, "purser-"+rand.Text(), []byte(cmp.Or(line, "marked without a reason")+"\n"))
}

// openTmp opens the tmp of a root.
func openTmp(root string) (*os.Root, error) { return openBelow(root, "tmp") }

// openMarks opens needs-restart.d, which may be no link: the folder it leads to would be emptied.
func openMarks(tmp *os.Root) (*os.Root, error) {
	stat, err := tmp.Lstat(marksFolder)
	if err == nil && stat.Mode().Type() == fs.ModeSymlink {
		return nil, &fs.PathError{Op: "open", Path: marksFolder, Err: syscall.ELOOP}
	}
	folder, err := tmp.OpenRoot(marksFolder + "/.") // the dot is for what the slash is for in openFolder
	if err != nil {
		return nil, err
	}
	opened, err := folder.Stat(".")
	if err != nil || stat == nil || !os.SameFile(stat, opened) {
		folder.Close()
		return nil, errors.Join(err, errors.New("the folder of marks has just been replaced"))
	}
	return folder, nil
}

// makeMarksFolder sees to it that the app's user can drop marks too, and remove them: as root,
// purser would make a folder for itself alone.
func makeMarksFolder(tmp *os.Root) error {
	err := tmp.Mkdir(marksFolder, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owned, err := tmp.Stat(".")
	if err != nil {
		return err
	}
	// By its handle: tmp's owner may have put something else of that name there by now.
	made, err := tmp.OpenFile(marksFolder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer made.Close()
	if os.Geteuid() == 0 {
		owner := owned.Sys().(*syscall.Stat_t)
		err = made.Chown(int(owner.Uid), int(owner.Gid))
	}
	return errors.Join(err, made.Chmod(0o755)) // despite the umask
}

// Marks are the marks of one app, which may be looked for by several paths: as a tmp that is not
// shared belongs to one release, these are the configured root and the real path of each release
// that is live. A folder that several lead to is looked at once. The oldest mark is the first. A
// folder that is not there has no marks; the error is of those that cannot be looked into, beside
// the marks of the others.
func Marks(roots ...string) ([]Mark, error) {
	var found []Mark
	var failed error
	known := map[[2]uint64]bool{}
	for _, root := range roots {
		marks, err := marksIn(root, known)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("cannot look for marks: %w", err))
		}
		found = append(found, marks...)
	}
	slices.SortFunc(found, func(a, b Mark) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Path, b.Path)) })
	return found, failed
}

func marksIn(root string, known map[[2]uint64]bool) ([]Mark, error) {
	if root == "" {
		return nil, nil
	}
	tmp, err := openTmp(root)
	if err != nil {
		return nil, err
	}
	defer tmp.Close()
	folder, err := openMarks(tmp)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	stat, err := folder.Stat(".")
	if err != nil {
		return nil, err
	}
	dev, inode := identityOf(stat)
	if known[[2]uint64{dev, inode}] {
		return nil, nil
	}
	known[[2]uint64{dev, inode}] = true
	path, err := pathOf(folder)
	if err != nil {
		return nil, err
	}
	return readMarks(folder, path)
}

func readMarks(folder *os.Root, path string) ([]Mark, error) {
	listing, err := folder.Open(".")
	if err != nil {
		return nil, err
	}
	defer listing.Close()
	names, err := listing.Readdirnames(maxMarks)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var found []Mark
	for _, name := range names {
		stat, err := folder.Lstat(name)
		if err != nil || !stat.Mode().IsRegular() || strings.HasPrefix(name, ".") {
			continue // gone since, or no mark
		}
		found = append(found, Mark{
			Path:   filepath.Join(path, name),
			Reason: cmp.Or(firstLine(folder, name, maxReason), printable(name)),
			At:     time.Unix(0, changedAt(stat)),
			stamp:  stampFrom(stat),
		})
	}
	return found, nil
}

// RemoveMarks removes what a restart has settled that is done: the marks that were there when it
// was requested, and no others. One that was written anew since under the same name is another and
// stays. It returns those that could not be removed, and why.
func RemoveMarks(marks []Mark) (left []Mark, err error) {
	for _, mark := range marks {
		if removing := mark.remove(); removing != nil && !errors.Is(removing, fs.ErrNotExist) {
			left = append(left, mark)
			err = errors.Join(err, fmt.Errorf("cannot remove a mark: %w", removing))
		}
	}
	return left, err
}

// remove takes the file aside first, where no script writes to it, so that what is looked at is
// what is removed. Aside it is a mark still, should purser end here.
func (m Mark) remove() error {
	folder, err := openBelow("/", filepath.Dir(m.Path)) // a real path: a link on it is not the folder any more
	if err != nil {
		return err
	}
	defer folder.Close()
	name, aside := filepath.Base(m.Path), rand.Text()
	if there, err := m.isAt(folder, name); !there {
		return err
	}
	if err := folder.Rename(name, aside); err != nil {
		return err
	}
	if there, _ := m.isAt(folder, aside); !there {
		// It goes back, unless one as new has come there since. Where there are no links, it stays
		// aside.
		if err := folder.Link(aside, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil
		}
	}
	return folder.Remove(aside)
}

func (m Mark) isAt(folder *os.Root, name string) (bool, error) {
	stat, err := folder.Lstat(name)
	if err != nil {
		return false, err
	}
	return stampFrom(stat) == m.stamp, nil
}
