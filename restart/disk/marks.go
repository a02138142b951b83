package disk

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// MarksFolder is where the marks are, in tmp.
	MarksFolder = "needs-restart.d"
	// MostReason is how many bytes of a mark are its reason.
	MostReason = 200
	// MostMarks are looked at in one folder; the others have their turn when these are gone.
	MostMarks = 1000
)

// WriteMark has the file appear all at once, for all to read. Tmp must be there; needs-restart.d in it is made, and
// belongs to whom tmp belongs to.
func (own) WriteMark(root, text string) error {
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
	return replace(folder, "purser-"+rand.Text(), []byte(text))
}

// openTmp opens the tmp of a root.
func openTmp(root string) (*os.Root, error) { return openBelow(root, "tmp") }

// openMarks opens needs-restart.d, which may be no link: the folder it leads to would be emptied.
func openMarks(tmp *os.Root) (*os.Root, error) {
	stat, err := tmp.Lstat(MarksFolder)
	if err == nil && stat.Mode().Type() == fs.ModeSymlink {
		return nil, &fs.PathError{Op: "open", Path: MarksFolder, Err: syscall.ELOOP}
	}
	folder, err := tmp.OpenRoot(MarksFolder + "/.") // the dot is for what the slash is for in openFolder
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
	err := tmp.Mkdir(MarksFolder, 0o755)
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
	made, err := tmp.OpenFile(MarksFolder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
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

func (own) Marks(root string) (at Info, marks []Entry, err error) {
	tmp, err := openTmp(root)
	if err != nil {
		return at, nil, err
	}
	defer tmp.Close()
	folder, err := openMarks(tmp)
	if err != nil {
		return at, nil, err
	}
	defer folder.Close()
	stat, err := folder.Stat(".")
	if err != nil {
		return at, nil, err
	}
	path, err := pathOf(folder)
	if err != nil {
		return at, nil, err
	}
	marks, err = readMarks(folder, path)
	return infoOf(stat), marks, err
}

func readMarks(folder *os.Root, path string) ([]Entry, error) {
	listing, err := folder.Open(".")
	if err != nil {
		return nil, err
	}
	defer listing.Close()
	names, err := listing.Readdirnames(MostMarks)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var found []Entry
	for _, name := range names {
		stat, err := folder.Lstat(name)
		if err != nil || !stat.Mode().IsRegular() || strings.HasPrefix(name, ".") {
			continue // gone since, or no mark
		}
		found = append(found, Entry{Name: filepath.Join(path, name), Text: cmp.Or(firstLine(folder, name, MostReason), Printable(name)), Info: infoOf(stat)})
	}
	return found, nil
}

// RemoveMark takes the file aside first, where no script writes to it, so that what is looked at is
// what is removed. Aside it is a mark still, should purser end here.
func (own) RemoveMark(path string, seen Info) error {
	folder, err := openBelow("/", filepath.Dir(path)) // a real path: a link on it is not the folder any more
	if err != nil {
		return err
	}
	defer folder.Close()
	name, aside := filepath.Base(path), rand.Text()
	if there, err := isAt(folder, seen, name); !there {
		return err
	}
	if err := folder.Rename(name, aside); err != nil {
		return err
	}
	if there, _ := isAt(folder, seen, aside); !there {
		// It goes back, unless one as new has come there since. Where there are no links, it stays
		// aside.
		if err := folder.Link(aside, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil
		}
	}
	return folder.Remove(aside)
}

func isAt(folder *os.Root, seen Info, name string) (bool, error) {
	stat, err := folder.Lstat(name)
	if err != nil {
		return false, err
	}
	return infoOf(stat).Untouched(seen), nil
}
