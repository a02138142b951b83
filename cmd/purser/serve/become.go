package serve

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// mayBecome says why this process cannot have another run as a user: in a container, root may lack the right, or the user
// may not be there. It is tried by a thread that ends with that (setresuid(2) of the kernel is of a thread).
func mayBecome(u *conf.Account) error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: nothing else runs in this thread any more
		tried <- become(u)
	}()
	return <-tried
}

func become(u *conf.Account) error {
	if _, _, err := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); err != 0 {
		return err
	}
	if _, _, err := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(u.GID), uintptr(u.GID), uintptr(u.GID)); err != 0 {
		return err
	}
	if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(u.UID), uintptr(u.UID), uintptr(u.UID)); err != 0 {
		return err
	}
	return nil
}

// warnOfRoot says that root serves, and nobody has written that.
func (p *purser) warnOfRoot() {
	if os.Geteuid() == 0 && p.Conf.Server.User == "" {
		p.Log.Warn("what serves runs as root, as root cannot become another user here: give the container the rights CAP_SETUID, CAP_SETGID and CAP_CHOWN, or start purser as another user")
	}
}

// ownFront refuses what only root could have, unless root has started this purser.
func (p *purser) ownFront(c *conf.Config) error {
	if os.Geteuid() == 0 || p.given != nil {
		return nil
	}
	return ownFront(c)
}
