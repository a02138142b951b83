package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// When memory runs out, the kernel kills a process by the same signal as anybody might. That it was the kernel is only
// told by how many it has killed: in the child's own control group, where it has one that counts; else in purser's; else
// on the whole machine.

// A shortage is whose memory has run out, as a front is told it with an exit.
type shortage string

const (
	noShortage  shortage = ""
	appShort    shortage = "app"    // its memory_max is used up
	purserShort shortage = "purser" // that of the control group of purser
	systemShort shortage = "system" // that of the machine; somebody else may have killed the child at that moment
)

// exitText follows how a child has exited.
func (s shortage) exitText() string {
	switch s {
	case appShort:
		return " (by the kernel: the app's memory_max is used up)"
	case purserShort:
		return " (by the kernel: the memory that purser and its apps may have is used up)"
	case systemShort:
		return " (by the kernel, it seems: the memory of this machine, or of its container, is used up)"
	}
	return ""
}

// oomKills is how many processes the kernel has killed for want of memory, as a file counts them.
func oomKills(file string) (n int, counts bool) {
	text, err := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if number, is := strings.CutPrefix(line, "oom_kill "); is {
			n, err = strconv.Atoi(strings.TrimSpace(number))
			return n, err == nil
		}
	}
	return 0, false
}

// A killCount is how many were killed in purser's own group and on the machine when that was last looked at.
type killCount struct {
	around         cgroup // purser's group
	purser, system int
	at             time.Time
}

// look counts them, and returns what was counted before. It is done again and again, so that what happened long ago is
// not taken for the reason of an exit of now.
func (c *killCount) look(now time.Time) (before killCount) {
	before = *c
	if c.around != "" {
		c.purser, _ = oomKills(c.around.file("memory.events"))
	}
	c.system, _ = oomKills("/proc/vmstat")
	c.at = now
	return before
}

// shortageOf is why a child that has exited was killed by the kernel, if it was. One that purser kills is not asked about.
func (k *keeping) shortageOf(c *child) shortage {
	if !c.status.Signaled() || c.status.Signal() != unix.SIGKILL {
		return noShortage
	}
	if n, counts := oomKills(c.cgroup.file("memory.events")); counts && c.cgroup != "" && n > 0 {
		return appShort
	}
	before := k.kills.look(time.Now())
	switch {
	case c.killing:
	case k.kills.purser > before.purser:
		return purserShort
	case k.kills.system > before.system:
		return systemShort
	}
	return noShortage
}

// exitMessage is what a front is told of a child's exit.
func (c *child) exitMessage() message {
	return message{verb: verbExited, id: c.id, number: uint32(c.status), name: string(c.short)}
}

// A Killed is the exit of a child by a signal.
type Killed struct {
	Signal syscall.Signal
	short  shortage
}

// Error says which, and whether it was the kernel for want of memory.
func (k Killed) Error() string {
	return "killed by signal " + signalName(k.Signal) + k.short.exitText()
}

// OutOfMemory reports whether it was the kernel for want of memory, as far as that can be told.
func (k Killed) OutOfMemory() bool { return k.short != noShortage }
