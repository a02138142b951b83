package keeper

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// When memory runs out, the kernel kills a process by the same signal as anybody might. That it was the kernel is only
// told by how many it has killed: in the child's own control group, where it has one that counts; else in purser's; else
// on the whole machine. Whose limit it was is told by the group that has come to it (cgroup v2, memory.events.local).

// A shortage is whose memory has run out, as a front is told it with an exit.
type shortage string

const (
	noShortage  shortage = ""
	appShort    shortage = "app"    // its memory_max is used up
	purserShort shortage = "purser" // that of the control group of purser
	systemShort shortage = "system" // that of the machine; somebody else may have killed the child at that moment
)

// text is what has run out.
func (s shortage) text() string {
	switch s {
	case appShort:
		return "the app's memory_max is used up"
	case purserShort:
		return "the memory that purser and its apps may have is used up"
	}
	return "the memory of this machine, or of its container, is used up"
}

// eventsOf is how often something has happened, as a file counts it.
func eventsOf(file, name string) (n int, counts bool) {
	text, err := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if number, is := strings.CutPrefix(line, name+" "); is {
			n, err = strconv.Atoi(strings.TrimSpace(number))
			return n, err == nil
		}
	}
	return 0, false
}

// oomKills is how many processes of it the kernel has killed for want of memory, whoever's.
func (g cgroup) oomKills() (n int, counts bool) {
	if g == "" {
		return 0, false
	}
	return eventsOf(g.file("memory.events"), "oom_kill")
}

// shortages is how often its own limit has had no more memory for it.
func (g cgroup) shortages() int {
	if g == "" {
		return 0
	}
	n, counts := eventsOf(g.file("memory.events.local"), "oom") // since Linux 5.2
	if !counts {
		n, _ = eventsOf(g.file("memory.events"), "oom")
	}
	return n
}

// A killCount is how many were killed in purser's own group and on the machine when that was last looked at.
type killCount struct {
	around         cgroup // purser's group
	purser, system int
	shortages      int // of that group
	shortAt        time.Time
	at             time.Time
}

// look counts them, and returns what was counted before. It is done again and again, so that what happened long ago is
// not taken for the reason of an exit of now.
func (c *killCount) look(now time.Time) (before killCount) {
	before = *c
	c.purser, _ = c.around.oomKills()
	c.system, _ = eventsOf("/proc/vmstat", "oom_kill")
	if c.shortages = c.around.shortages(); c.shortages > before.shortages && !before.at.IsZero() {
		c.shortAt = now
	}
	c.at = now
	return before
}

// shortage is whose memory has run out beside that of an app. One shortage may be the end of many.
func (c *killCount) shortage() shortage {
	if c.at.Sub(c.shortAt) < 2*watch {
		return purserShort
	}
	return systemShort
}

// shortageOf is why the kernel has killed a child that has exited, or some of what it had started, if it has. One that
// purser kills is not asked about.
func (k *keeping) shortageOf(c *child) shortage {
	if c.killing || c.status.Exited() && (c.stopping || c.status.ExitStatus() == 0) || c.status.Signaled() && c.status.Signal() != unix.SIGKILL {
		return noShortage
	}
	n, counts := c.cgroup.oomKills()
	if !counts && c.status.Exited() {
		return noShortage // others' may be counted, too
	}
	before := k.kills.look(time.Now())
	switch {
	case counts && n > 0 && c.cgroup.isOfApp() && c.cgroup.above().shortages() > 0:
		return appShort
	case counts && n == 0, !counts && k.kills.purser == before.purser && k.kills.system == before.system:
		return noShortage
	}
	return k.kills.shortage()
}

// exitMessage is what a front is told of a child's exit.
func (c *child) exitMessage() message {
	return message{verb: verbExited, id: c.id, number: uint32(c.status), name: string(c.short)}
}

// An ExitError is an exit of a child that is none with status 0.
type ExitError struct {
	status syscall.WaitStatus
	short  shortage
}

// Error says how it was, and whether the kernel has killed it, or some of what it had started, for want of memory.
func (e ExitError) Error() string {
	how := fmt.Sprintf("exited with status %d", e.status.ExitStatus())
	if e.status.Signaled() {
		how = "killed by signal " + signalName(e.status.Signal())
	}
	switch {
	case e.short == noShortage:
		return how
	case e.status.Exited():
		return fmt.Sprintf("%s (the kernel has killed a process that it had started: %s)", how, e.short.text())
	case e.short == systemShort:
		return fmt.Sprintf("%s (by the kernel, it seems: %s)", how, e.short.text())
	}
	return fmt.Sprintf("%s (by the kernel: %s)", how, e.short.text())
}

// Signaled reports whether a signal has ended it.
func (e ExitError) Signaled() bool { return e.status.Signaled() }

// OutOfMemory reports whether it was the kernel for want of memory, as far as that can be told.
func (e ExitError) OutOfMemory() bool { return e.short != noShortage }
