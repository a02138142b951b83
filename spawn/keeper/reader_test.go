package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// frontUID and appUID are users that no machine has.
const (
	frontUID = 12345
	appUID   = 23456
)

// runFakeReader is the reader of the tests. A file called confined in its folder says that the front is another user's;
// what it may have run is then a shell of the app's user. One called refused has the configuration be refused.
func runFakeReader(args []string) int {
	k, left, err := InheritReader()
	if err != nil {
		panic(err)
	}
	if text, err := os.ReadFile(filepath.Join(args[0], "refused")); err == nil {
		fmt.Fprint(os.Stderr, string(text))
		return 2
	}
	g := Grants{First: left.Granted + 1}
	if _, err := os.Stat(filepath.Join(args[0], "confined")); err == nil {
		g = confinedGrants(args[0], g.First)
		secret, err := os.Open(filepath.Join(args[0], "secret"))
		if err != nil {
			panic(err)
		}
		if err := k.Hold("secret", secret); err != nil {
			panic(err)
		}
	}
	if err := k.Grant(g); err != nil {
		panic(err)
	}
	return 0
}

func confinedGrants(dir string, first uint32) Grants {
	app := &User{UID: appUID, GID: appUID}
	shell := func(script string) []string { return []string{"sh", "-c", script} }
	return Grants{
		Front: &User{UID: frontUID, GID: frontUID}, Env: []string{"GREETING=hello"}, Runtime: filepath.Join(dir, "run"), First: first,
		Left: []Remnant{{Name: "left", Path: filepath.Join(dir, "left")}},
		All: []Grant{
			{User: app, Path: "/bin/sh", Dir: SlotRelease, Args: shell("echo $(id -u) $(pwd) $MORE; exec sleep 3600"), Env: []string{"PATH=/usr/bin:/bin"}, Root: filepath.Join(dir, "app"), Variables: []string{"MORE"}},
			{User: app, Path: "/usr/bin/python3", Dir: "/", Args: []string{"python3", "-c", socketProgram, SlotFolder + "/" + SocketName}, Env: []string{"PATH=/usr/bin:/bin"}},
		},
	}
}

// socketProgram listens where only its user may connect.
var socketProgram = strings.ReplaceAll(`import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
os.umask(0o177)
s.bind(sys.argv[1])
s.listen(1)
print("listens", flush=True)
time.sleep(3600)`, "\t", "    ")
