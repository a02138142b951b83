package keeper

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

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
	switch {
	case k.reading != nil && k.reading.from == nil && isEnding(s):
		k.dropReading(s)
	case k.front.passes(s):
		k.the(owner).signal(s)
	}
	if isEnding(s) {
		k.endOld(s, true)
		if k.front.stage == ended {
			k.until = time.Now() // who says it once more has lost patience
		}
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
	case role == candidate && r.verb == verbAlive:
		k.frontOf(r.from).lives = true
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
	if now.Sub(k.kills.at) >= watch {
		k.kills.look(now)
	}
	next := soonest(k.lookAtReading(now), k.lookAtUpgrade(now))
	if k.reads() {
		return soonest(k.lookAtReading(now), next)
	}
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
	if k.front.stage == ended {
		next = max(k.until.Sub(now), 1)
	}
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
	p, rights, err := k.frontProgram()
	if err != nil {
		return err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	p.Path = pathOf(binary)
	pid, err := forkExec(p, &syscall.SysProcAttr{AmbientCaps: rights}, k.program[1], k.program[2], k.program[3], int(theirs.Fd()))
	if errors.Is(err, syscall.EACCES) && p.User != nil {
		err = fmt.Errorf("%w; have everybody be allowed to run purser's binary (chmod 755)", err)
	}
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
	k.endBirths(func(b *birth) bool { return b.by == lost }, syscall.ECHILD)
	k.granted.leaveUnused(lost)
	if len(k.peers()) == 1 { // only the main process is left
		k.granted.leaveUnused(nil)
	}
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
		turn, k.until = stops, now.Add(lastOld)
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
	return k.gone || k.front.stage == ended && (k.the(old) == nil || !now.Before(k.until))
}
