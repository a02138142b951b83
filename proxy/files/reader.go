package files

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Permission bits as stat has them for others; those of the group and of the owner are to the left.
const (
	toRead   = 0o4
	toSearch = 0o1
)

// A reader is for whom files are read where purser is another user than the app: root, whom nothing is closed to, or
// who serves in root's place, who has files of his own that are nobody's business, such as logs and keys. The reader is
// the user that the app runs as, else its owner. What he may not read is served to nobody. If that is root, who may read
// everything, only what is open to everyone is served.
//
// Of what lies above the public folder he must be able to pass the folders, if it is the app's user: a link
// of his may lead the root into another's. Of a link within the folder, only what it leads to is looked at.
type reader struct {
	asked    bool // false: purser is not root, so the kernel asks
	uid, gid uint32
	user     *User // set if it is the user that the app runs as
}

// A User is who an app runs as, with the numbers of its groups.
type User struct {
	UID, GID uint32
	Groups   []uint32 // the supplementary ones
}

// readerOf returns the user that the app runs as. Where that is not said, it is the owner of the startup file of a
// release, or of the release itself where there is none: of a link, who has made it.
func readerOf(release *os.Root, c *Config) (reader, error) {
	switch {
	case c.User != nil && (os.Geteuid() == 0 || os.Geteuid() != int(c.User.UID)):
		return reader{asked: true, uid: c.User.UID, gid: c.User.GID, user: c.User}, nil
	case os.Geteuid() != 0:
		return reader{}, nil
	}
	if c.StartupFile != "" {
		if info, err := release.Lstat(c.StartupFile); err == nil {
			return ownedBy(info), nil
		}
	}
	info, err := release.Stat(".")
	if err != nil {
		return reader{}, err
	}
	return ownedBy(info), nil
}

func ownedBy(info os.FileInfo) reader {
	st := info.Sys().(*syscall.Stat_t)
	return reader{asked: true, uid: st.Uid, gid: st.Gid}
}

// readerAt is readerOf for a release that is not open.
func readerAt(release string, c *Config) (reader, error) {
	if os.Geteuid() != 0 || c.User != nil {
		return readerOf(nil, c)
	}
	root, err := os.OpenRoot(release)
	if err != nil {
		return reader{}, err
	}
	defer func() { _ = root.Close() }()
	return readerOf(root, c)
}

func uidOf(info os.FileInfo) int64 { return int64(info.Sys().(*syscall.Stat_t).Uid) }

// may reports whether the reader has the permission. As the kernel does it, the owner's bits alone
// speak for the owner, and those of the group for its members.
func (r reader) may(permission uint32, info os.FileInfo) bool {
	st := info.Sys().(*syscall.Stat_t)
	switch {
	case !r.asked:
		return true
	case r.uid == 0: // what is open to everyone
	case r.uid == st.Uid:
		permission <<= 6
	case r.gid == st.Gid, r.user != nil && slices.Contains(r.user.Groups, st.Gid):
		permission <<= 3
	}
	return st.Mode&permission != 0
}

// reaches reports whether the reader may pass all folders down to a release, by their modes.
func (r reader) reaches(release string) bool {
	if r.user == nil || r.uid == 0 {
		return true
	}
	for at := release; ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err != nil || !r.may(toSearch, info) {
			return false
		}
		if at == "/" {
			return true
		}
	}
}

// passes reports whether the reader may pass a folder that is open, and all above it, by their modes. What the names that
// led to it lead to by now makes no difference.
func (r reader) passes(folder *os.Root) bool {
	if r.user == nil || r.uid == 0 {
		return true
	}
	at, err := folder.Open(".")
	if err != nil {
		return false
	}
	defer func() { _ = at.Close() }()
	for {
		info, err := at.Stat()
		if err != nil || !r.may(toSearch, info) {
			return false
		}
		up, err := openAbove(at)
		if err != nil {
			return false
		}
		_ = at.Close()
		at = up
		if above, err := up.Stat(); err != nil || os.SameFile(info, above) { // above "/" there is only that
			return err == nil
		}
	}
}

func openAbove(folder *os.File) (*os.File, error) {
	fd, err := unix.Openat(int(folder.Fd()), "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), ".."), nil
}
