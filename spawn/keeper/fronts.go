package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// obeyMain does what only the main process may ask for.
func (k *keeping) obeyMain(r request) error {
	if r.from != k.above || r.verb == verbFront && k.program != nil {
		closeFiles(r.files)
		return errMalformed(fmt.Sprintf("%q is not for who says it", byte(r.verb)))
	}
	if r.verb == verbFront {
		k.program = r.files
		return nil
	}
	if s := syscall.Signal(r.number); k.front.passes(s) {
		k.signalFront(s)
	}
	k.above.say(r.message) // it was taken
	return nil
}

// heed takes what the front says of itself. The main process hears its own sign of life.
func (k *keeping) heed(r request, now time.Time) {
	if r.from != k.below {
		if r.verb == verbAlive {
			r.from.say(r.message)
		}
		return
	}
	switch r.verb {
	case verbAlive:
		k.front.lives(now)
	case verbReady:
		k.worked = true
		for _, s := range k.front.isReady(now) {
			k.signalFront(s)
		}
	case verbStopping:
		k.front.stops()
	}
}

func (k *keeping) signalFront(s syscall.Signal) {
	if k.front.pid != 0 {
		unix.Kill(k.front.pid, s)
	}
}

// lookAtFront starts it, or ends one that hangs. It returns how long that can wait.
func (k *keeping) lookAtFront(now time.Time) time.Duration {
	if k.program == nil {
		return 0
	}
	if k.exit != nil && k.below == nil {
		k.endFront(now)
	}
	switch k.front.look(now) {
	case start:
		if err := k.startFront(); err != nil {
			k.log.print("cannot start the process that serves: %v", err)
			k.front.fails(now)
		}
	case askStacks:
		k.log.print("the process that serves (%d) gives no sign of life, so it is killed, and another takes its place", k.front.pid)
		k.signalFront(unix.SIGQUIT)
	case kill:
		k.signalFront(unix.SIGKILL)
	}
	return k.front.next(now)
}

// startFront runs the next front. Its end of the socket is its descriptor 3.
func (k *keeping) startFront() error {
	p, err := readProgram(k.program[0])
	if err != nil {
		return err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	pid, err := forkExec(p, &syscall.SysProcAttr{AmbientCaps: k.rights}, k.program[1], k.program[2], k.program[3], int(theirs.Fd()))
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	k.below = newPeer(ours, k.requests)
	k.handOver(k.below)
	k.front.runs(pid)
	return nil
}

// loseFront is the end of the front's socket: it is gone, or shall be.
func (k *keeping) loseFront() {
	k.below.close()
	k.below = nil
	k.signalFront(unix.SIGKILL)
	for _, c := range k.children {
		if c.name == "" {
			k.change(c, verbKill, 0)
		}
	}
}

// reapFront notes that the front has ended. What it has said before is heard first.
func (k *keeping) reapFront(status syscall.WaitStatus) {
	k.front.pid, k.exit = 0, &status
	if k.below != nil {
		_ = k.below.conn.SetReadDeadline(time.Now().Add(lastWords))
	}
}

// endFront decides what follows the end of a front.
func (k *keeping) endFront(now time.Time) {
	status := *k.exit
	k.exit = nil
	if k.front.exits(status, now) {
		how := "exited with status " + fmt.Sprint(status.ExitStatus())
		if status.Signaled() {
			how = "was killed by signal " + signalName(status.Signal())
		}
		when := "at once"
		if wait := k.front.due.Sub(now); wait > 0 {
			when = "in " + wait.String()
		}
		k.log.print("the process that serves %s, and another takes its place %s", how, when)
	}
}

// socketPair is a connection whose other end is for a child.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	file, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}
