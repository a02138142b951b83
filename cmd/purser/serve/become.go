package serve

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// neededRights are those without which root can start what runs as another user, but neither give it its files nor end it.
var neededRights = map[string]int{"CAP_CHOWN": unix.CAP_CHOWN, "CAP_KILL": unix.CAP_KILL}

// lacked are the needed rights that are not among those in effect.
func lacked(effective uint32) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(neededRights)) {
		if effective&(1<<neededRights[name]) == 0 {
			all = append(all, name)
		}
	}
	return all
}

// mayBecome says why this process cannot have another run as a user: in a container, root may lack a right, or the user
// may not be there. It is tried by a thread that ends with that (setresuid(2) of the kernel is of a thread).
func mayBecome(u *conf.Account) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	if names := lacked(sets[0].Effective); len(names) > 0 {
		return fmt.Errorf("it lacks %s", strings.Join(names, " and "))
	}
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

// warnOfRoot says that root serves, where nobody has written that, and what comes of it.
func (p *purser) warnOfRoot() {
	if os.Geteuid() == 0 && p.Conf.Server.AdminGroup != "" {
		p.Log.Warn(noAdmins)
	}
	if os.Geteuid() == 0 && p.Conf.Server.User == "" {
		p.Log.Warn("what serves runs as root, as root cannot become another user here: give the container the rights CAP_SETUID, CAP_SETGID, CAP_CHOWN and CAP_KILL, or start purser as another user")
	}
}

// ownFront refuses what only root could have, unless root has started this purser.
func (p *purser) ownFront(c *conf.Config) error {
	if os.Geteuid() == 0 || p.given != nil {
		return nil
	}
	return ownFront(c)
}
