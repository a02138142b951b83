package keeper

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

const (
	byKill    = syscall.WaitStatus(9)
	failed137 = syscall.WaitStatus(137 << 8)
)

func events(oom, kills int) string { return fmt.Sprintf("low 0\noom %d\noom_kill %d\n", oom, kills) }

// What the kernel has killed is told by the child's own group, and whose limit it was by the group that has come to it.
func TestWhoHasKilledIsTold(t *testing.T) {
	const app, own = "purser-1-app-blog", "purser-1-app-blog/purser-1-2"
	for name, c := range map[string]struct {
		status        syscall.WaitStatus
		kills         int // in the child's own group
		app, purser   int // how often their limits had no more
		stopping      bool
		want          string
		isOutOfMemory bool
	}{
		"by the app's limit":                      {byKill, 1, 1, 0, false, "killed by signal KILL (by the kernel: the app's memory_max is used up)", true},
		"by purser's":                             {byKill, 1, 0, 1, false, "killed by signal KILL (by the kernel: the memory that purser and its apps may have is used up)", true},
		"by the machine's":                        {byKill, 1, 0, 0, false, "killed by signal KILL (by the kernel, it seems: the memory of this machine, or of its container, is used up)", true},
		"by somebody, as others had no memory":    {byKill, 0, 1, 1, false, "killed by signal KILL", false},
		"what a shell had started":                {failed137, 1, 1, 0, false, "exited with status 137 (the kernel has killed a process that it had started: the app's memory_max is used up)", true},
		"what a shell had started, by purser's":   {failed137, 1, 0, 1, false, "exited with status 137 (the kernel has killed a process that it had started: the memory that purser and its apps may have is used up)", true},
		"a shell that was asked to end":           {failed137, 1, 1, 0, true, "exited with status 137", false},
		"a shell of which nothing was killed":     {failed137, 0, 1, 0, false, "exited with status 137", false},
		"by another signal, though some was, too": {syscall.WaitStatus(11), 1, 1, 0, false, "killed by signal SEGV", false},
	} {
		t.Run(name, func(t *testing.T) {
			around := fakeGroup(t, map[string]string{
				"memory.events.local": events(0, 0), "memory.events": events(c.app, c.kills),
				app + "/memory.events.local": events(c.app, 0), own + "/memory.events": events(0, c.kills),
			})
			k := &keeping{}
			k.kills.around = around
			k.kills.look(time.Now().Add(-time.Hour))
			check(t, around.set("memory.events.local", events(c.purser, 0)))
			k.kills.look(time.Now())
			exit := ExitError{status: c.status}
			exit.short = k.shortageOf(&child{cgroup: cgroup(around.file(own)), status: c.status, stopping: c.stopping})
			if got := exit.Error(); got != c.want || exit.OutOfMemory() != c.isOutOfMemory {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}

// Another app's limit may have purser's group count: a child without a limit is not killed by one.
func TestAChildOfNoAppGroupIsNotKilledByALimitOfItsApp(t *testing.T) {
	around := fakeGroup(t, map[string]string{"memory.events": events(1, 1), "memory.events.local": events(0, 0), "purser-1-2/memory.events": events(0, 1)})
	k := &keeping{}
	k.kills.around = around
	k.kills.look(time.Now())
	if short := k.shortageOf(&child{cgroup: cgroup(around.file("purser-1-2")), status: byKill}); short != systemShort {
		t.Errorf("it is %q", short)
	}
}
