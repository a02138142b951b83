package spawn

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// looker is with whose eyes root looks into an app's folder: those of the user that is written, else of whom the folder
// belongs to. A link in there may lead to what is closed to him. It is nil where this process may look itself.
func looker(app conf.App) *conf.Account {
	name := app.User
	if os.Geteuid() != 0 {
		return nil
	}
	if name == "" {
		var stat unix.Stat_t
		if unix.Stat(app.Root, &stat) != nil {
			return nil // which is said by who looks
		}
		name = strconv.Itoa(int(stat.Uid))
	}
	account, err := accountOf(name)
	if err != nil || account.UID == 0 {
		return nil
	}
	if account.Group == "" { // it has no name, and so no group
		account.GID = nogroup
		if nobody, err := user.Lookup(conf.Nobody); err == nil {
			if gid, err := strconv.ParseUint(nobody.Gid, 10, 32); err == nil {
				account.GID = uint32(gid)
			}
		}
	}
	return account
}

const nogroup = 65534 // as the kernel calls whoever it does not know (user_namespaces(7), overflowgid)

// lookingAs does something that sees of the file system what a user may see (setfsuid(2)). Only the thread that does it
// is changed, and it ends with that: do may not start others. Where root may not be another, as in some containers, apps
// run as root, and root looks.
func lookingAs(account *conf.Account, do func()) {
	if account == nil {
		do()
		return
	}
	changed := make(chan bool, 1)
	go func() {
		runtime.LockOSThread() // for good
		is := changeEyes(account) == nil
		if is {
			do()
		}
		changed <- is
	}()
	if !<-changed {
		do()
	}
}

// changeEyes changes what this thread is to the file system. setfsuid(2) tells whether it has by what was before.
func changeEyes(account *conf.Account) error {
	groups := append([]uint32{account.GID}, account.Groups...)
	if _, _, number := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); number != 0 {
		return number
	}
	_, _ = unix.SetfsgidRetGid(int(account.GID))
	_, _ = unix.SetfsuidRetUid(int(account.UID))
	const none = -1 // changes nothing
	gid, _ := unix.SetfsgidRetGid(none)
	uid, _ := unix.SetfsuidRetUid(none)
	if uint32(gid) != account.GID || uint32(uid) != account.UID {
		return unix.EPERM
	}
	return nil
}
