package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// delegate makes a control group that is ours to divide, as systemd does it with Delegate=yes, and has what is
// started from now on be in there. Where this process may not, the test cannot be.
func delegate(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make control groups")
	}
	top := mountOfGroups(t)
	own, err := os.MkdirTemp(top, "purser-test-")
	if top == "" || err != nil {
		t.Skipf("no control groups can be made here: %v", err)
	}
	t.Cleanup(func() {
		_ = os.Remove(filepath.Join(own, purserGroup)) // which ends with the group that was divided
		if err := os.Remove(own); err != nil {
			t.Errorf("something is left in the control group: %v", err)
		}
	})
	check(t, unix.Setxattr(own, "user.delegate", []byte("1"), 0))
	move := func(to string) {
		check(t, os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0))
	}
	move(own)
	t.Cleanup(func() { move(top) })
	return own
}

// mountOfGroups is where control groups of version 2 are.
func mountOfGroups(t *testing.T) (top string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	check(t, err)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); strings.Contains(line, " - cgroup2 ") {
			top = fields[4]
		}
	}
	return top
}

func groupsIn(t *testing.T, folder string) []string {
	t.Helper()
	groups, err := filepath.Glob(filepath.Join(folder, "purser-*"))
	check(t, err)
	return groups
}

// Without a parent, a group and a mark, only its control group tells whose it is.
func TestNothingIsLeftInAControlGroup(t *testing.T) {
	own := delegate(t)
	for name, escape := range escapes {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.shell(escape + "while [ ! -e " + h.output.Name() + ".go ]; do sleep 0.01; done; exit 4")
			left := h.pid("left")
			if len(groupsIn(t, own)) != 1 {
				t.Errorf("the groups are %v, want one of the child's own", groupsIn(t, own))
			}
			check(t, os.WriteFile(h.output.Name()+".go", nil, 0o600))
			h.ends(p, "exited with status 4")
			h.isGone(left)
			h.keeper.Close()
			if groups := groupsIn(t, own); len(groups) != 0 {
				t.Errorf("groups are left: %v", groups)
			}
		})
	}
}

func TestNothingIsLeftInControlGroupsOfAKilledKeeper(t *testing.T) {
	own := delegate(t)
	h := newHouse(t)
	h.shell(escapes["a new environment"] + "exec sleep 3600")
	left := h.pid("left")
	h.keeper.Kill()
	h.keeper.Close()
	h.isGone(left)
	if groups := groupsIn(t, own); len(groups) != 0 {
		t.Errorf("groups are left: %v", groups)
	}
}

func TestWithoutDelegationThereAreNoControlGroups(t *testing.T) {
	own := delegate(t)
	check(t, unix.Setxattr(own, "user.delegate", []byte("0"), 0))
	h := newHouse(t)
	h.ends(h.shell("exit 0"), "")
	if groups := groupsIn(t, own); len(groups) != 0 {
		t.Errorf("groups are made: %v", groups)
	}
}

func TestTheUppermostGroupOfAUserIsItsOwn(t *testing.T) {
	const user = 12345
	given := t.TempDir()
	below := filepath.Join(given, "below")
	check(t, os.Mkdir(below, 0o755))
	if err := errors.Join(os.Chown(given, user, user), os.Chown(below, user, user)); err != nil {
		t.Skip("only root may give files away")
	}
	for _, c := range []struct {
		folder string
		uid    int
		want   bool
	}{{given, user, true}, {below, user, false}, {given, user + 1, false}, {filepath.Dir(given), 0, false}} {
		if got := isGivenTo(c.folder, c.uid); got != c.want {
			t.Errorf("that %s is given to %d is %t", c.folder, c.uid, got)
		}
	}
}
