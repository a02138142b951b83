package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// runFakeReader is the reader of the tests. A file called grants in its folder says that the front is another user's,
// and what that may have run.
func runFakeReader(args []string) int {
	k, left, err := InheritReader()
	if err != nil {
		panic(err)
	}
	g := Grants{First: left.Granted + 1}
	if text, err := os.ReadFile(filepath.Join(args[0], "refused")); err == nil {
		fmt.Fprint(os.Stderr, string(text))
		return 2
	}
	if text, err := os.ReadFile(filepath.Join(args[0], "uid")); err == nil {
		uid, _ := strconv.Atoi(string(text))
		g.Front = &User{UID: uint32(uid), GID: uint32(uid)}
		g.Runtime = args[0]
		app := &User{UID: 23456, GID: 23456}
		g.All = []Grant{
			{User: app, Path: "/bin/sh", Dir: SlotRelease, Args: []string{"sh", "-c", "id -u; pwd; echo $MORE; exec sleep 3600"}, Env: []string{"PATH=/usr/bin:/bin"}, Root: filepath.Join(args[0], "app"),
				Variables: []string{"MORE"}},
		}
	}
	if err := k.Grant(g); err != nil {
		panic(err)
	}
	return 0
}
