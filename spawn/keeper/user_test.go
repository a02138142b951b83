package keeper

import (
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestAUserIsReadAsItWasWritten(t *testing.T) {
	for _, u := range []*User{nil, {}, {UID: 33, GID: 34, Groups: []uint32{4, 5}}, {UID: noID - 1, GID: noID - 1, Groups: []uint32{0}}} {
		if got, err := parseUser(u.text()); err != nil || !reflect.DeepEqual(got, u) && (u == nil || got.UID != u.UID || len(got.Groups) != len(u.Groups)) {
			t.Errorf("%+v is read as %+v (%v)", u, got, err)
		}
	}
	for _, text := range []string{"root", "1", "1:2", ":2:", "1::", "1:2:3,", "1:2:,", "-1:2:", "4294967295:0:", "0:4294967295:", "0:0:4294967295", "1:2:3:4", "4294967296:1:", "+1:1:",
		"1:1:" + strings.Repeat("1,", mostGroups) + "1"} {
		if u, err := parseUser(text); err == nil {
			t.Errorf("%.40q is read as %+v", text, u)
		}
	}
}

func TestAChildRunsAsItsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may start programs as others")
	}
	h := newHouse(t)
	ours, theirs, err := os.Pipe()
	check(t, err)
	defer ours.Close()
	defer theirs.Close()
	fd := theirs.Fd()
	// What left the group and its session is ended by the keeper, whosever it is.
	p, err := h.keeper.Fork(Program{Path: "/bin/sh", Dir: "/", User: &User{UID: 12345, GID: 54321, Groups: []uint32{7, 8}},
		Args: []string{"sh", "-c", `{ id -u; id -g; id -G; grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status; setsid sleep 1000 & echo $!; } > /dev/stdout`},
		Env:  []string{"PATH=/usr/bin:/bin"}, Files: [3]uintptr{fd, fd, fd}})
	check(t, err)
	h.ends(p, "")
	theirs.Close()
	printed, err := io.ReadAll(ours)
	check(t, err)
	const none = "0000000000000000\n"
	if want := "12345\n54321\n54321 7 8\nCapPrm:\t" + none + "CapEff:\t" + none + "CapAmb:\t" + none; !strings.HasPrefix(string(printed), want) {
		t.Errorf("it printed %q, want %q", printed, want)
	}
}

func TestAChildEntersItsFolderAsItsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may start programs as others")
	}
	h := newHouse(t)
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o700))
	out := h.output.Fd()
	_, err := h.keeper.Fork(Program{Path: "/bin/true", Dir: dir, User: &User{UID: 12345, GID: 12345}, Args: []string{"true"}, Env: []string{"A=b"}, Files: [3]uintptr{out, out, out}})
	if !os.IsPermission(err) {
		t.Errorf("root's folder is entered: %v", err)
	}
}
