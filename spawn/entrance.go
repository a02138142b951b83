package spawn

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
)

// ClosedTo says which folder on the way to the app's the user may not enter that it runs as, by the modes of the
// folders, nil if there is none. What is allowed beside the mode (acl(5)) it does not see.
func ClosedTo(app conf.App) error {
	if !isAnothers(app) {
		return nil
	}
	root, err := filepath.EvalSymlinks(app.Root)
	if err != nil {
		return nil // that is said elsewhere
	}
	return closedTo(app.RunsAs, root)
}

// closedTo says which folder on the way to another one a user may not enter, by its mode, nil if there is none.
func closedTo(a *conf.Account, folder string) error {
	for at := "/"; ; {
		var stat unix.Stat_t
		if err := unix.Stat(at, &stat); err != nil {
			return nil
		}
		if !mayEnter(a, &stat) {
			return fmt.Errorf("user %s may not enter the folder %s, which is %s's with mode %03o: change its mode or its owner, or set user",
				a.User, at, NameOf(int(stat.Uid)), stat.Mode&0o777)
		}
		rest := strings.TrimPrefix(strings.TrimPrefix(folder, at), "/")
		if rest == "" {
			return nil
		}
		step, _, _ := strings.Cut(rest, "/")
		at = filepath.Join(at, step)
	}
}

func mayEnter(a *conf.Account, stat *unix.Stat_t) bool {
	return UserOf(a).Allowed(stat.Uid, stat.Gid, stat.Mode)&access.Search != 0
}

// mayRun reports whether the user of an app may run a program, by the modes of the program and of the folders on the
// way: root finds programs that others do not, such as those in its own folder.
func mayRun(app conf.App, program string) bool {
	if !isAnothers(app) {
		return true
	}
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return false
	}
	var stat unix.Stat_t
	return closedTo(app.RunsAs, filepath.Dir(program)) == nil && closedTo(app.RunsAs, filepath.Dir(real)) == nil &&
		unix.Stat(real, &stat) == nil && mayEnter(app.RunsAs, &stat)
}
