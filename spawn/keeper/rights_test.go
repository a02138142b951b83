package keeper

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Purser may have been given rights to hand on, as by AmbientCapabilities= of systemd.
func TestRightsThatPurserWasGivenAreNotHandedOn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has rights to give")
	}
	runtime.LockOSThread() // for good: the thread with these rights ends with the test
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	check(t, unix.Capget(&header, &sets[0]))
	sets[0].Inheritable |= 1 << unix.CAP_NET_BIND_SERVICE
	check(t, unix.Capset(&header, &sets[0]))
	check(t, unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0))

	w := newWhole(t)
	if got := w.ask("rights"); !strings.Contains(got, "CapAmb:\t0000000000000400") {
		t.Errorf("the front has %s", got)
	}
	w.number("fork app#1 grep CapAmb /proc/self/status")
	w.wants("CapAmb: 0000000000000000 <nil>", "read app#1")
	w.wants("<nil>", itself)
	if got := w.ask("rights"); !strings.Contains(got, "CapAmb:\t0000000000000400") {
		t.Errorf("after an upgrade the front has %s", got)
	}
	w.number("fork app#2 grep CapAmb /proc/self/status")
	w.wants("CapAmb: 0000000000000000 <nil>", "read app#2")

	h := newHouse(t)
	h.ends(h.shell("grep -E '^Cap(Inh|Amb)' /proc/self/status"), "")
	if strings.Count(h.printed(), ":\t0000000000000000\n") != 2 {
		t.Errorf("a child has\n%s", h.printed())
	}
}
