package keeper

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A child is what was forked, in the keeper.
type child struct {
	id   uint32
	name string // "" = it ends with the front
	pid  int    // also of its group
	mark string // the variable that all that it starts inherits
	by   *peer  // who is told of it, and may command it: the owner; of one without a name, who has forked it. nil = nobody lives
	keep []int  // our ends of its files; nil, or three, of which the first is -1 when it is closed

	exited   bool // and reaped
	status   syscall.WaitStatus
	short    shortage // that it was killed for
	cgroup   cgroup
	group    AppGroup // that was asked for as it was forked
	stopping bool     // asked to end: what is in its group may end after it
	killing  bool     // all that is left is to be killed
	empty    bool     // its group is: from here on the group's id may be another's

	source *source // nil = it is none
	from   *child  // the source that it was forked from; nil = it was run

	later      *source // what it is when it becomes a source; nil = it cannot
	reforkedBy *peer   // who has told it to; nil = nobody

	strays []member  // outside the group, and signalled with it
	left   int       // how many the last sweep found
	since  time.Time // when the killing began
}

// say tells whoever is to be told of it; if nobody is, the next front will be.
func (c *child) say(m message) {
	if c.by != nil {
		c.by.say(m)
	}
}

// signal signals the group, the leader also if it has moved to another one, and the strays: nothing
// that a program does may put it out of reach.
func (c *child) signal(s syscall.Signal) {
	if !c.groupGone() {
		unix.Kill(-c.pid, s)
	}
	if !c.exited {
		if group, err := unix.Getpgid(c.pid); err == nil && group != c.pid {
			unix.Kill(c.pid, s)
		}
	}
	for _, stray := range c.strays {
		stray.signal(s)
	}
}

// kill begins the end of everything that belongs to the child.
func (c *child) kill() {
	if !c.killing {
		c.killing, c.since = true, time.Now()
	}
	c.signal(unix.SIGKILL)
	c.cgroup.kill()
}

// ends reports whether what is left of a child that has exited is to be killed, and begins with its
// group: if nobody asked it to end; if nobody is left who was asked; or if purser said so.
func (c *child) ends() bool {
	c.strays = slices.DeleteFunc(c.strays, func(m member) bool { return !m.lives() })
	if c.killing || !c.stopping || c.groupGone() && len(c.strays) == 0 {
		c.kill()
	}
	return c.killing
}

// groupGone reports whether nobody is left in the group. A leader that is not reaped holds it, and so
// does every member: orphans are the keeper's children.
func (c *child) groupGone() bool {
	if !c.exited || c.empty {
		return c.empty
	}
	err := unix.Waitid(unix.P_PGID, c.pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	c.empty = errors.Is(err, unix.ECHILD)
	return c.empty
}

// stop asks it to end: by a signal, and by the end of its stdin.
func (c *child) stop(s syscall.Signal) {
	c.stopping = true
	c.signal(s)
	if len(c.keep) > 0 {
		closeFiles(c.keep[:1])
		c.keep[0] = -1
	}
}

func (k *keeping) named(name string) bool {
	for _, c := range k.children {
		if c.name == name {
			return true
		}
	}
	return k.isPending(func(c *child) bool { return c.name == name })
}
