package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file is an upgrade in the keeper: what course decides is done here.

// binaries are those that fronts are started from; -1 = none.
type binaries struct {
	binary int // of the owner
	before int // of the owners before those of that one
	next   int // of the candidate
}

// A trial is a child of a new binary, which reads what the keeper has.
type trial struct {
	pid    int
	said   *os.File
	status *syscall.WaitStatus // when it is reaped
}

// highFD is where descriptors begin that are in no child's way.
const highFD = 10

// openBinary is the binary of this process.
func openBinary() (int, error) {
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, highFD)
}

// pathOf is how a binary is run, be it removed or replaced meanwhile.
func pathOf(binary int) string { return fmt.Sprint("/proc/self/fd/", binary) }

// beginUpgrade takes note of an upgrade that the owner asks for.
func (k *keeping) beginUpgrade(r request, now time.Time) {
	defer closeFiles(r.files)
	next, err := unix.FcntlInt(uintptr(r.files[0]), unix.F_DUPFD_CLOEXEC, highFD)
	switch {
	case err != nil:
		k.answer(k.frontOf(r.from), "cannot keep the new binary: "+err.Error())
	case k.granted.isBinary(next) != nil:
		k.sayRefused(k.granted.isBinary(next), now)
		k.answer(k.frontOf(r.from), "root has not chosen that binary; run purser upgrade PATH as root, with a file that only root may write")
	case k.upgrade.phase != quiet:
		k.answer(k.frontOf(r.from), "another upgrade is under way")
	case k.front.stage != serving || k.front.last:
		k.answer(k.frontOf(r.from), "purser starts or stops just now")
	default:
		k.next, k.asker = next, k.frontOf(r.from)
		k.advance(asked, "", now)
		if r.number == 1 && k.count(old) >= mostOld {
			k.the(old).signal(unix.SIGTERM)
			k.the(old).due = now.Add(endingOld)
		}
		return
	}
	if err == nil {
		unix.Close(next)
	}
}

func (k *keeping) count(r role) (n int) {
	for _, f := range k.fronts {
		if f.role == r {
			n++
		}
	}
	return n
}

// lookAtUpgrade goes on with it if that is due. It returns how long that can wait.
func (k *keeping) lookAtUpgrade(now time.Time) time.Duration {
	if k.upgrade.phase == queued && k.count(old) < mostOld && k.reading == nil {
		k.advance(roomy, "", now)
	}
	if t := k.trial; t != nil && t.status != nil {
		k.endTrial(t, now)
	}
	if u := k.upgrade; u.isLate(now) {
		k.advance(late, limits[u.phase].why, now)
	}
	return k.upgrade.next(now)
}

// advance takes a turn in an upgrade, and does what follows from it.
func (k *keeping) advance(t turn, why string, now time.Time) {
	switch step := k.upgrade.on(t, now); step {
	case tryKeeper:
		k.orFail(k.startTrial(), now)
	case renew:
		k.orFail(k.renew(), now) // if it returns
	case startCandidate:
		k.orFail(k.startFront(candidate, k.next), now)
	case askToYield:
		k.the(owner).say(message{verb: verbYield})
	case withdraw:
		k.why = why
		k.the(owner).say(message{verb: verbWithdraw})
	case killOwner:
		if f := k.the(owner); f != nil { // else it has ended in a stop
			k.log.print("the process that serves (%d) is killed, as %s", f.pid, why)
			f.signal(unix.SIGQUIT) // it prints where it hangs
			f.due = now.Add(stackTime)
		}
	case promote, startAnew:
		k.changeOwner(step, now)
	case refuse:
		k.refuse(why)
	case goBack:
		k.goBack(why, now)
	case finish:
		k.conclude("")
	}
}

func (k *keeping) orFail(err error, now time.Time) {
	if err != nil {
		k.advance(failed, err.Error(), now)
	}
}

// startTrial runs the child that reads what the keeper has.
func (k *keeping) startTrial() error {
	text, err := memory(k.save().text())
	if err != nil {
		return err
	}
	defer text.Close()
	said, err := memory(nil)
	if err != nil {
		return err
	}
	p := Program{Path: pathOf(k.next), Dir: "/", Args: []string{keeperName, word, trialWord}, Env: os.Environ()}
	pid, err := forkExec(p, &syscall.SysProcAttr{}, int(text.Fd()), int(said.Fd()), int(said.Fd()))
	if err != nil {
		said.Close()
		return fmt.Errorf("cannot run the new binary: %w", err)
	}
	k.trial = &trial{pid: pid, said: said}
	return nil
}

// endTrial heeds what it has said: that it can read is said by one word, which no other program says.
func (k *keeping) endTrial(t *trial, now time.Time) {
	k.trial = nil
	defer t.said.Close()
	text, err := readMemory(int(t.said.Fd()), textSize)
	switch said := strings.TrimSpace(string(text)); {
	case err == nil && *t.status == 0 && said == canRead:
		k.advance(readable, "", now)
	case *t.status == 0 || said == "":
		k.advance(failed, "the new binary is none of purser, or it failed at once", now)
	default:
		k.advance(failed, "the new version cannot take over: "+said, now)
	}
}

// changeOwner has the owner, if it lives, be an old front, in favour of the candidate or of one that is yet to be started.
func (k *keeping) changeOwner(to step, now time.Time) {
	if f := k.the(owner); f != nil {
		f.role, f.told = old, k.front.last
		k.own(nil, f.peer)
	}
	if to == startAnew {
		k.front.leaves(now)
		k.refuse(k.why)
		return
	}
	closeFiles([]int{k.before})
	k.binaries = binaries{binary: k.next, before: k.binary, next: -1}
	k.arrival = upgraded
	f := k.the(candidate)
	f.role = owner
	k.handOver(f)
	k.front.takes(f.lives, now)
}

// own has the children that outlive a front be another's.
func (k *keeping) own(to, from *peer) {
	for _, c := range k.children {
		if c.name != "" && c.by == from {
			c.by = to
		}
	}
}

// refuse ends what an upgrade has begun, and says why.
func (k *keeping) refuse(why string) {
	if k.trial != nil {
		unix.Kill(k.trial.pid, unix.SIGKILL)
		k.trial.said.Close()
		k.trial = nil
	}
	if f := k.the(candidate); f != nil {
		f.role = dismissed
		f.signal(unix.SIGKILL)
	}
	closeFiles([]int{k.next})
	k.next = -1
	k.conclude(why)
}

// goBack has the next front be one of the binary before.
func (k *keeping) goBack(why string, now time.Time) {
	why += ", so the version before serves again"
	k.log.print("%s", why)
	closeFiles([]int{k.binary})
	k.binary, k.before = k.before, -1
	k.arrival = wentBack
	k.front.leaves(now)
	k.conclude(why)
}

// conclude tells who has asked for the upgrade how it has ended: why not, or nothing.
func (k *keeping) conclude(why string) {
	k.answer(k.asker, why)
	k.asker = nil
}

func (k *keeping) answer(to *frontProcess, why string) {
	if why == "" {
		to.say(message{verb: verbResult})
		return
	}
	text, err := memory([]byte(why[:min(len(why), textSize)]))
	if err != nil {
		k.log.print("%s", why)
		return
	}
	defer text.Close()
	to.say(message{verb: verbResult}, copies([]int{int(text.Fd())})...)
}
