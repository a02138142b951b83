package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fakeGroup is a folder with the files that a control group has for who manages it.
func fakeGroup(t *testing.T, files map[string]string) cgroup {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return cgroup(dir)
}

func TestAnAppsGroupHasItsLimits(t *testing.T) {
	app := fmt.Sprint("purser-", os.Getpid(), appGroupMark, "blog")
	g := fakeGroup(t, map[string]string{
		"cgroup.procs": "", "cgroup.controllers": "cpu io memory pids\n", "cgroup.subtree_control": "cpu memory\n", "purser/cgroup.procs": "",
		app + "/memory.max": "", app + "/memory.swap.max": "", app + "/cpu.max": "", app + "/cgroup.subtree_control": "",
	})
	own, err := g.forApp(blogGroup)
	check(t, err)
	for name, want := range map[string]string{"memory.max": "1073741824", "memory.swap.max": "0", "cpu.max": "150000 100000", "cgroup.subtree_control": "+memory"} {
		if text, err := os.ReadFile(own.file(name)); err != nil || string(text) != want {
			t.Errorf("%s is %q (%v), want %q", name, text, err, want)
		}
	}
	blog := blogGroup
	blog.MemoryMax, blog.CPUMax = 0, 50
	check(t, os.Remove(own.file("memory.swap.max"))) // as where the kernel has no swap
	own, err = g.forApp(blog)
	check(t, err)
	if words := own.words("memory.max"); len(words) != 1 || !strings.HasPrefix(words[0], "max") {
		t.Errorf("without a limit memory.max is %q", words)
	}
}

// A lower limit waits for those that were started with the higher one: they serve until they are replaced.
func TestALowerLimitOfMemoryEndsNobodyWhoServes(t *testing.T) {
	app := fmt.Sprint("purser-", os.Getpid(), appGroupMark, "blog")
	g := fakeGroup(t, map[string]string{"cgroup.subtree_control": "memory\n", "cgroup.controllers": "memory\n",
		app + "/memory.max": "", app + "/memory.swap.max": "", app + "/cgroup.subtree_control": ""})
	k := &keeping{cgroup: g, children: map[uint32]*child{}}
	limit := func() string {
		all, err := os.ReadFile(filepath.Join(string(g), app, "memory.max"))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(string(g), app, "memory.max"), nil, 0o644)) // which no kernel needs
		return string(all)
	}
	fork := func(id uint32, most int64) *child {
		c := &child{id: id, group: AppGroup{Name: "blog", MemoryMax: most}}
		above, err := k.groupAbove(c.group)
		check(t, err)
		c.cgroup = cgroup(above.file(fmt.Sprint(id)))
		k.children[id] = c
		return c
	}
	gone := func(c *child) {
		delete(k.children, c.id)
		k.lowerMemory(c)
	}
	first, second := fork(1, 300), fork(2, 300)
	if got := limit(); got != "300" {
		t.Errorf("the limit is %q", got)
	}
	third := fork(3, 200)
	if got := limit(); got != "300" {
		t.Errorf("beside those that were started with 300 the limit is %q", got)
	}
	gone(first)
	if got := limit(); got != "300" {
		t.Errorf("beside one that was started with 300 the limit is %q", got)
	}
	gone(second)
	if got := limit(); got != "200" {
		t.Errorf("after the last that was started with 300 the limit is %q", got)
	}
	fork(4, 400)
	if got := limit(); got != "400" {
		t.Errorf("a higher limit is %q at once", got)
	}
	gone(third)
	fork(5, 0)
	if got := limit(); !strings.HasPrefix(got, "max") {
		t.Errorf("no limit is %q", got)
	}
}

// What is in a group that gives controllers to those below it would be in the way.
func TestPursersOwnProcessesMakeRoomForControllers(t *testing.T) {
	g := fakeGroup(t, map[string]string{"cgroup.procs": "12\n", "cgroup.controllers": "cpu memory", "cgroup.subtree_control": "cpu\n", "purser/cgroup.procs": ""})
	check(t, g.divide([]string{"memory", "cpu"}))
	moved, err := os.ReadFile(g.file("purser/cgroup.procs"))
	check(t, err)
	given, err := os.ReadFile(g.file("cgroup.subtree_control"))
	check(t, err)
	if string(moved) != "12" || string(given) != "+memory" {
		t.Errorf("moved was %q, and given %q", moved, given)
	}
	check(t, g.divide(nil))
}

func TestAnAppThatCannotBeLimitedDoesNotRun(t *testing.T) {
	own := delegate(t)
	h := newHouse(t)
	out := h.output.Fd()
	p, err := h.keeper.Fork(Program{Path: "/bin/echo", Dir: "/", Group: AppGroup{Name: "blog", MemoryMax: 1 << 60}, Args: []string{"echo", "it runs"}, Files: [3]uintptr{out, out, out}})
	if cgroup(own).has("memory") {
		check(t, err)
		h.ends(p, "")
		return
	}
	if err == nil || h.printed() != "" {
		t.Errorf("it is started, though there is no controller: %v, %q", err, h.printed())
	}
	if err := MayLimit(blogGroup); err == nil || !strings.Contains(err.Error(), `the controller "memory"`) {
		t.Errorf("that is said as %v", err)
	}
}

func (g cgroup) has(controller string) bool {
	for _, name := range g.words("cgroup.controllers") {
		if name == controller {
			return true
		}
	}
	return false
}

// Where the kernel has controllers for it.
func TestWhatIsTooMuchForAnAppEndsIt(t *testing.T) {
	own := cgroup(delegate(t))
	if !own.has("memory") {
		t.Skip("control groups (cgroup v2) have no controller of memory here")
	}
	h := newHouse(t)
	out := h.output.Fd()
	for script, want := range map[string]string{
		"exec tail /dev/zero":         "killed by signal KILL (by the kernel: the app's memory_max is used up)",
		"(tail /dev/zero); exit 1 # ": "exited with status 1 (the kernel has killed a process that it had started: the app's memory_max is used up)",
	} {
		p, err := h.keeper.Fork(Program{Path: "/bin/sh", Dir: "/", Group: AppGroup{Name: "blog", MemoryMax: 32 << 20}, Env: []string{"PATH=/usr/bin:/bin"},
			Args: []string{"sh", "-c", script}, Files: [3]uintptr{out, out, out}})
		check(t, err)
		<-p.Gone()
		if err := p.Exit(); err == nil || err.Error() != want {
			t.Errorf("%q ended with %v, want %q", script, err, want)
		}
	}
}

// Children of an app have its group above their own, and nothing of it is left after them.
func TestTheGroupOfAnAppEndsWithItsLastChild(t *testing.T) {
	own := delegate(t)
	h := newHouse(t)
	out := h.output.Fd()
	start := func() *Process {
		p, err := h.keeper.Fork(Program{Path: "/bin/sleep", Dir: "/", Group: AppGroup{Name: "blog"}, Args: []string{"sleep", "1000"}, Files: [3]uintptr{out, out, out}})
		check(t, err)
		return p
	}
	first, second := start(), start()
	groups := groupsIn(t, own)
	if len(groups) != 1 || len(groupsIn(t, groups[0])) != 2 {
		t.Errorf("the groups are %v", groups)
	}
	for _, p := range []*Process{first, second} {
		where, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/cgroup")
		check(t, err)
		if !strings.Contains(string(where), appGroupMark+"blog/purser-") {
			t.Errorf("process %d is in %s", p.PID(), where)
		}
	}
	first.Kill()
	<-first.Gone()
	if !lives(second.PID()) || len(groupsIn(t, groups[0])) != 1 {
		t.Error("the end of one is that of another")
	}
	second.Kill()
	<-second.Gone()
	if groups := groupsIn(t, own); len(groups) != 0 {
		t.Errorf("groups are left: %v", groups)
	}
	third := start()
	h.keeper.Kill()
	h.keeper.Close()
	h.isGone(third.PID())
	if groups := groupsIn(t, own); len(groups) != 0 {
		t.Errorf("after a kill of the keeper groups are left: %v", groups)
	}
}

func TestEventsAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.events")
	check(t, os.WriteFile(file, []byte("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"), 0o644))
	if n, counts := eventsOf(file, "oom_kill"); n != 2 || !counts {
		t.Errorf("%d were killed (%v)", n, counts)
	}
	if _, counts := eventsOf("/nonexistent", "oom_kill"); counts {
		t.Error("what is not there counts")
	}
}

// The memory of a machine is not used up for a test: a group that is not purser's counts there, too.
func TestAKillForWantOfMemoryIsTold(t *testing.T) {
	group := smallGroup(t)
	h := newHouse(t)
	p := h.shell("echo $$ > " + group + "/cgroup.procs; exec tail /dev/zero")
	h.ends(p, "killed by signal KILL (by the kernel, it seems: the memory of this machine, or of its container, is used up)")
	h.ends(h.shell("kill -9 $$"), "killed by signal KILL")
}

// smallGroup is a control group with little memory, of whichever version has the controller here.
func smallGroup(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make control groups")
	}
	top, limits := "/sys/fs/cgroup/memory", map[string]string{"memory.limit_in_bytes": "16M"} // of version 1
	if _, err := os.Stat(top); err != nil {
		top, limits = mountOfGroups(t), map[string]string{"memory.max": "16M", "memory.swap.max": "0"}
	}
	group, err := os.MkdirTemp(top, "purser-test-")
	check(t, err)
	t.Cleanup(func() { check(t, os.Remove(group)) })
	for name, value := range limits {
		if err := cgroup(group).set(name, value); err != nil && !(name == "memory.swap.max" && os.IsNotExist(err)) {
			t.Skipf("neither version of control groups limits memory here: %v", err)
		}
	}
	return group
}
