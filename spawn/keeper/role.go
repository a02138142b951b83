package keeper

import (
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A role is what a process that talks to the keeper is there for. They are bits, so that it can be said who may say what.
type role int

const (
	candidate  role = 1 << iota // a front that prepares to be the owner
	owner                       // the front that has the children, and says what is kept
	old                         // one that was the owner, finishes what it has, and exits
	dismissed                   // one that was a candidate, and is being killed
	reader                      // who reads the configuration
	forkSource                  // a child that makes others by fork
	newborn                     // a process that a fork source was asked for
	above                       // who has started the keeper; it is the owner, too, as long as there is to be no front

	anyone = candidate | owner | old | dismissed | above
)

const (
	mostOld   = 2                // old fronts, before a further one waits
	lastOld   = 10 * time.Second // that old fronts have when all else has ended
	endingOld = 5 * time.Second  // that one has to end to make room
)

// A frontProcess is one front that runs.
type frontProcess struct {
	role   role
	pid    int                 // 0 when it is reaped
	status *syscall.WaitStatus // when it is
	peer   *peer               // nil when its socket has ended
	lives  bool                // it gives signs of life
	told   bool                // to end, in the stop
	due    time.Time           // when it is killed; zero = never
}

func (f *frontProcess) say(m message, files ...int) {
	if f == nil || f.peer == nil {
		closeFiles(files)
		return
	}
	f.peer.say(m, files...)
}

func (f *frontProcess) signal(s syscall.Signal) {
	if f != nil && f.pid != 0 {
		unix.Kill(f.pid, s)
	}
}

func (k *keeping) frontWhere(is func(*frontProcess) bool) *frontProcess {
	if i := slices.IndexFunc(k.fronts, is); i >= 0 {
		return k.fronts[i]
	}
	return nil
}

// the returns the front of a role; of several old ones the oldest.
func (k *keeping) the(r role) *frontProcess {
	return k.frontWhere(func(f *frontProcess) bool { return f.role == r })
}

func (k *keeping) frontOf(p *peer) *frontProcess {
	return k.frontWhere(func(f *frontProcess) bool { return f.peer == p && p != nil })
}

// roles are those of a peer.
func (k *keeping) roles(p *peer) role {
	switch f := k.frontOf(p); {
	case f != nil:
		return f.role
	case k.reading != nil && p == k.reading.peer && p != nil:
		return reader
	case p == k.above && k.program == nil:
		return above | owner
	case p == k.above:
		return above
	case k.birthOf(p) != nil:
		return newborn
	case k.sourceOf(p) != nil:
		return forkSource
	}
	return 0
}

// hurry has one that is reaped be heard for a moment only: somebody else may have its socket.
func (f *frontProcess) hurry() {
	if f.status != nil && f.peer != nil {
		_ = f.peer.conn.SetReadDeadline(time.Now().Add(lastWords))
	}
}
