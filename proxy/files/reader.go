package files

import (
	"os"
	"syscall"
)

// Permission bits as stat has them for others; those of the group and of the owner are to the left.
const (
	toRead   = 0o4
	toSearch = 0o1
)

// A reader is for whom files are read where purser runs as root, whom nothing is closed to: the owner
// of the app. What he may not read is served to nobody. If that is root, who may read everything, only
// what is open to everyone is served.
//
// What lies above the public folder is not looked at: whoever configured the root has opened it. Of a
// link within the folder, only what it leads to is.
type reader struct {
	asked    bool // false: purser is not root, so the kernel asks
	uid, gid uint32
}

// readerOf returns the owner of the startup file of a release, or of the release itself where there is
// none. The owner of a link is taken for what it is, not for where it leads.
func readerOf(release *os.Root, startupFile string) (reader, error) {
	if os.Geteuid() != 0 {
		return reader{}, nil
	}
	if startupFile != "" {
		if info, err := release.Lstat(startupFile); err == nil {
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
func readerAt(release, startupFile string) (reader, error) {
	if os.Geteuid() != 0 {
		return reader{}, nil
	}
	root, err := os.OpenRoot(release)
	if err != nil {
		return reader{}, err
	}
	defer func() { _ = root.Close() }()
	return readerOf(root, startupFile)
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
	case r.gid == st.Gid:
		permission <<= 3
	}
	return st.Mode&permission != 0
}
