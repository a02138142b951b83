package access

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A User is who wants something, by numbers.
type User struct {
	UID, GID uint32
	Groups   []uint32 // the supplementary ones
}

// What the mode of a file may give a user.
const (
	Read   uint32 = 0o4
	Write  uint32 = 0o2
	Search uint32 = 0o1 // of a folder; of a file, to run it
)

// Allowed is what the mode of a file gives the user. The owner's bits alone speak for the owner, and those of the group
// for its members. What root may besides, and what is allowed beside the mode (acl(5)), is not in it.
func (u User) Allowed(uid, gid, mode uint32) uint32 {
	switch {
	case uid == u.UID:
		mode >>= 6
	case gid == u.GID || slices.Contains(u.Groups, gid):
		mode >>= 3
	}
	return mode & (Read | Write | Search)
}

// MayWrite reports whether the user may write to a file, or could allow himself to.
func (u User) MayWrite(uid, gid, mode uint32) bool {
	return uid == u.UID || u.Allowed(uid, gid, mode)&Write != 0
}

// As does something that sees of the file system what the user may see (setfsuid(2)): root does it in a thread of its own,
// which ends with that, so do may not start others. Whoever else does it as who he is. With an error nothing was done: in
// some containers root may not be another.
func (u User) As(do func()) error {
	if u.UID == 0 || os.Geteuid() != 0 {
		do()
		return nil
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		err := u.become()
		if err == nil {
			do()
		}
		done <- err
	}()
	return <-done
}

// become changes what this thread is to the file system. What setfsuid(2) returns is what was before.
func (u User) become() error {
	groups := append([]uint32{u.GID}, u.Groups...)
	if _, _, number := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); number != 0 {
		return number
	}
	_, _ = unix.SetfsgidRetGid(int(u.GID)) // first: with another uid it cannot be changed any more
	_, _ = unix.SetfsuidRetUid(int(u.UID))
	const none = -1 // changes nothing
	gid, _ := unix.SetfsgidRetGid(none)
	uid, _ := unix.SetfsuidRetUid(none)
	if uint32(gid) != u.GID || uint32(uid) != u.UID {
		return fmt.Errorf("cannot act as the user %d: %w", u.UID, unix.EPERM)
	}
	return nil
}
