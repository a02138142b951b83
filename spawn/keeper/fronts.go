package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A role is what a process that talks to the keeper is there for. They are bits, so that it can be said who may say what.
type role int

const (
	candidate role = 1 << iota // a front that prepares to be the owner
	owner                      // the front that has the children, and says what is kept
	old                        // one that was the owner, finishes what it has, and exits
	dismissed                  // one that was a candidate, and is being killed
	above                      // who has started the keeper; it is the owner, too, as long as there is to be no front

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
	case p == k.above && k.program == nil:
		return above | owner
	case p == k.above:
		return above
	}
	return 0
}

// obeyMain does what only the main process may ask for.
func (k *keeping) obeyMain(r request) error {
	if r.verb == verbFront {
		if k.program != nil {
			closeFiles(r.files)
			return errMalformed("there is a front already")
		}
		k.program = r.files
		return nil
	}
	s := syscall.Signal(r.number)
	if k.front.passes(s) {
		k.the(owner).signal(s)
	}
	if isEnding(s) {
		k.endOld(s, true)
	}
	k.above.say(r.message) // it was taken
	return nil
}

// endOld has old fronts end, as purser does: by a signal that has come, or if none has, by one.
func (k *keeping) endOld(s syscall.Signal, again bool) {
	for _, f := range k.fronts {
		if f.role == old && (again || !f.told) {
			f.told = true
			f.signal(s)
		}
	}
	k.advance(stops, "purser is stopping", time.Now())
}

// heed takes what somebody says of itself. The main process hears its own sign of life.
func (k *keeping) heed(r request, now time.Time) {
	switch role := k.roles(r.from); {
	case role&above != 0:
		r.from.say(r.message)
	case role != owner: // what it says was of use when it was
	case r.verb == verbAlive:
		k.front.lives(now)
	case r.verb == verbReady:
		k.worked, k.version, k.arrival = true, r.name, asUsual
		for _, s := range k.front.isReady(now) {
			k.the(owner).signal(s)
		}
		k.advance(serves, "", now)
	case r.verb == verbStopping:
		k.front.stops()
		k.endOld(unix.SIGTERM, false)
	}
}

// lookAtFronts starts one or ends one, and takes note of those that have ended. It returns how long that can wait.
func (k *keeping) lookAtFronts(now time.Time) time.Duration {
	if k.program == nil {
		return 0
	}
	for _, f := range slices.Clone(k.fronts) {
		if f.status != nil && f.peer == nil {
			k.endFront(f, now)
		}
	}
	next := k.lookAtUpgrade(now)
	switch k.front.look(now) {
	case start:
		if err := k.startFront(owner, k.binary); err != nil {
			k.log.print("cannot start the process that serves: %v", err)
			k.front.fails(now)
		}
	case askStacks:
		k.log.print("the process that serves (%d) gives no sign of life, so it is killed, and another takes its place", k.the(owner).pid)
		k.the(owner).signal(unix.SIGQUIT)
	case kill:
		k.the(owner).signal(unix.SIGKILL)
	}
	return soonest(k.front.next(now), next, k.endLate(now))
}

// endLate kills the fronts that are due.
func (k *keeping) endLate(now time.Time) (next time.Duration) {
	for _, f := range k.fronts {
		switch {
		case f.due.IsZero():
		case now.Before(f.due):
			next = soonest(next, f.due.Sub(now))
		default:
			f.signal(unix.SIGKILL)
			f.due = time.Time{}
		}
	}
	return next
}

// soonest is the shortest of some times, of which 0 is none.
func soonest(all ...time.Duration) (least time.Duration) {
	for _, d := range all {
		if least == 0 || d != 0 && d < least {
			least = d
		}
	}
	return least
}

// startFront runs a front of a binary. Its end of the socket is its descriptor 3.
func (k *keeping) startFront(as role, binary int) error {
	p, err := readProgram(k.program[0])
	if err != nil {
		return err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	p.Path = pathOf(binary)
	pid, err := forkExec(p, &syscall.SysProcAttr{AmbientCaps: k.rights}, k.program[1], k.program[2], k.program[3], int(theirs.Fd()))
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	f := &frontProcess{role: as, pid: pid, peer: newPeer(ours, k.requests)}
	k.fronts = append(k.fronts, f)
	k.handOver(f)
	if as == owner {
		k.front.runs()
	}
	return nil
}

// loseFront is the end of a front's socket: it is gone, or shall be.
func (k *keeping) loseFront(f *frontProcess) {
	lost := f.peer
	lost.close()
	f.peer = nil
	f.signal(unix.SIGKILL)
	k.own(nil, lost)
	for _, c := range k.children {
		if c.by == lost {
			k.change(c, verbKill, 0) // and if it is being killed by now, that is no harm
		}
	}
}

// reapFront notes that a front has ended. What it has said before is heard first.
func (k *keeping) reapFront(f *frontProcess, status syscall.WaitStatus) {
	f.pid, f.status = 0, &status
	f.hurry()
}

// hurry has one that is reaped be heard for a moment only: somebody else may have its socket.
func (f *frontProcess) hurry() {
	if f.status != nil && f.peer != nil {
		_ = f.peer.conn.SetReadDeadline(time.Now().Add(lastWords))
	}
}

// endFront decides what follows the end of a front.
func (k *keeping) endFront(f *frontProcess, now time.Time) {
	k.fronts = slices.DeleteFunc(k.fronts, func(other *frontProcess) bool { return other == f })
	how := "exited with status " + fmt.Sprint(f.status.ExitStatus())
	if f.status.Signaled() {
		how = "was killed by signal " + signalName(f.status.Signal())
	}
	switch {
	case f.role == candidate:
		k.advance(failed, "the new version "+how+" before it could serve", now)
	case f.role == old && *f.status != 0:
		k.log.print("the process that was still finishing requests after an upgrade %s", how)
	case f.role == owner:
		k.endOwner(*f.status, how, now)
	}
}

// endOwner decides what follows the end of the owner.
func (k *keeping) endOwner(status syscall.WaitStatus, how string, now time.Time) {
	crashed := k.front.exits(status, now)
	turn, was := ownerEnds, "the process that serves "
	if k.front.stage == ended {
		turn = stops
	}
	if k.upgrade.phase == taking {
		was = "the new version, which was to serve, "
	}
	k.advance(turn, was+how, now)
	switch {
	case !crashed:
	case k.front.again() && k.before >= 0:
		k.goBack("the new version ends again and again", now)
	case k.the(owner) != nil:
		k.log.print("the process that serves %s, and the one that was to follow it takes its place", how)
	default:
		when := "at once"
		if wait := k.front.due.Sub(now); wait > 0 {
			when = "in " + wait.String()
		}
		k.log.print("the process that serves %s, and another takes its place %s", how, when)
	}
}

// isOver reports whether nothing is to be kept any more.
func (k *keeping) isOver(now time.Time) bool {
	switch {
	case k.gone:
		return true
	case k.front.stage != ended:
		return false
	case k.until.IsZero():
		k.until = now.Add(lastOld)
	}
	return k.the(old) == nil || !now.Before(k.until)
}

// socketPair is a connection whose other end is for a child.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs = os.NewFile(uintptr(pair[1]), "theirs")
	ours, err = connectionOf(pair[:1])
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}
