package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketFD = 3
	again    = 20 * time.Millisecond // between two looks at what is being killed
	lastKill = 5 * time.Second       // that the keeper goes on killing when purser is gone
	unread   = 256                   // messages that were received and not taken
	spare    = 16                    // threads, so that a limit of processes does not end the keeper
)

// Wanted reports whether the arguments of a command line are those of a keeper.
func Wanted(args []string) bool { return len(args) == 1 && args[0] == word }

// Run is the keeper process, from its start until purser is gone and nothing is left below it. It
// must be called from the main goroutine, before anything else. It returns the exit code.
func Run() int {
	// The kernel sends the children their death signal when the thread that forked them ends.
	runtime.LockOSThread()
	k, err := begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, "purser: this command is for purser itself:", err)
		return 2
	}
	ReserveThreads(spare)
	k.loop()
	return 0
}

// keeping is the state of the keeper process.
type keeping struct {
	kept
	requests chan request
	above    *peer // who started it
	gone     bool  // that one
	log      keeperLog
	rights   []uintptr // for the front
	cgroup   cgroup    // that those of children are made in

	front   front
	program []int               // how it is started: text, stdin, stdout, stderr; nil = there is none
	below   *peer               // the front; nil when its socket has ended
	exit    *syscall.WaitStatus // of the front, when it is reaped

	children map[uint32]*child
	past     []*child // of which nothing is left, as the next front has to be told
	last     uint32   // the highest id of a child

	leaders map[int]*child // those that are not reaped, by pid
	kin     map[int]kin    // who was seen to belong to a child, by pid
	seen    table
	seenAt  time.Time
	worked  bool // since it last gave memory back
}

func newKeeping() *keeping {
	return &keeping{
		kept: kept{held: map[string]int{}, notes: map[string]int{}}, requests: make(chan request, unread), log: newKeeperLog(),
		children: map[uint32]*child{}, leaders: map[int]*child{}, kin: map[int]kin{}, worked: true,
	}
}

func begin() (*keeping, error) {
	conn, err := inheritedSocket()
	if err != nil {
		return nil, err
	}
	leaveTerminal()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	k := newKeeping()
	if k.rights, err = keepRights(); err != nil {
		return nil, fmt.Errorf("cannot keep purser's rights from apps: %w", err)
	}
	k.cgroup = ownCgroup()
	k.above = newPeer(conn, k.requests)
	return k, nil
}

// inheritedSocket is the one to who has started this process.
func inheritedSocket() (*net.UnixConn, error) {
	unix.CloseOnExec(socketFD)
	file := os.NewFile(socketFD, "purser")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		return nil, errors.New("it has no socket")
	}
	link, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("its socket is none of purser's")
	}
	return link, nil
}

// leaveTerminal gives up purser's terminal, so that it cannot stop what is below: an app that reads
// /dev/tty gets an error instead of SIGTTIN. A session of its own would do that too, but the kernel
// shares the processor between sessions (autogroup, sched(7)), and apps belong with purser there.
func leaveTerminal() {
	tty, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return // there is none
	}
	defer unix.Close(tty)
	_ = unix.IoctlSetInt(tty, unix.TIOCNOTTY, 0)
}

// loop does what is asked and sees to what has ended, one after the other.
func (k *keeping) loop() {
	exits, others := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(exits, unix.SIGCHLD)
	// Those that ask to end are for purser, at whose end the keeper ends. They are caught and not
	// ignored: the children would inherit that.
	signal.Notify(others, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2)
	tick, busy := time.NewTimer(0), false
	for !k.gone && k.front.stage != ended {
		select {
		case r := <-k.requests:
			k.takeAll(r)
		case <-exits:
		case <-others:
			continue
		case <-tick.C:
			if !busy {
				k.rest()
			}
		}
		busy = k.look()
		if wait := k.lookAtFront(time.Now()); busy {
			tick.Reset(again)
		} else if wait > 0 {
			tick.Reset(wait)
		}
	}
	k.killAll()
	k.above.say(message{verb: verbOver, number: uint32(k.front.code)})
	k.log.close()
	k.above.close()
}

// rest gives back what the end of a child has taken: all processes are looked at then, and there may be thousands.
func (k *keeping) rest() {
	if k.worked {
		k.worked = false
		giveBack()
	}
}

// takeAll takes what was said by now, so that a sign of life does not wait behind what takes long.
func (k *keeping) takeAll(r request) {
	for range unread {
		k.take(r)
		select {
		case r = <-k.requests:
		default:
			return
		}
	}
}

// take does what a peer has asked for, or sees to its end.
func (k *keeping) take(r request) {
	switch {
	case r.ended && r.from == k.above:
		k.gone = true
	case r.ended && r.from == k.below:
		k.loseFront()
	case r.wrong != nil:
		closeFiles(r.files)
		k.log.print("%v", r.wrong)
		if r.verb == verbFork { // somebody waits
			r.from.say(message{verb: verbFailed, id: r.id, number: uint32(syscall.EMFILE)})
		}
	default:
		if err := k.obey(r); err != nil {
			k.log.print("%v", err)
		}
	}
}

func (k *keeping) obey(r request) error {
	switch r.verb {
	case verbFork:
		k.fork(r)
	case verbStop, verbSignal, verbKill, verbFollow:
		if c := k.children[r.id]; c != nil { // else it is gone meanwhile
			k.change(c, r.verb, int(r.number))
		}
	case verbHold:
		put(k.held, r.name, r.files[0])
	case verbDrop:
		drop(k.held, r.name)
	case verbNote:
		return k.note(r.name, r.files)
	case verbNotify:
		k.above.say(r.message, r.files...)
	case verbFront, verbPass:
		return k.obeyMain(r)
	default:
		k.heed(r, time.Now())
	}
	return nil
}

func (k *keeping) change(c *child, v verb, number int) {
	switch v {
	case verbStop:
		k.remember()
		c.stop(syscall.Signal(number))
	case verbSignal:
		c.signal(syscall.Signal(number))
	case verbKill:
		k.remember() // while the parents still tell
		c.kill()
		k.sweep([]*child{c})
	case verbFollow:
		if stray, err := readMember(number); err == nil && stray.group != c.pid {
			c.strays = append(c.strays, stray)
		}
	}
}

func (k *keeping) fork(r request) {
	defer closeFiles(r.files[:forkFiles])
	c := &child{id: r.id, name: r.name}
	p, err := k.mayFork(r)
	if err == nil {
		c.cgroup = k.cgroup.forChild(c.id)
		c.pid, err = c.cgroup.forkExec(p, r.files[1], r.files[2], r.files[3])
	}
	if err != nil {
		c.cgroup.remove()
		closeFiles(r.files[forkFiles:])
		number, ok := errors.AsType[syscall.Errno](err)
		if !ok {
			number = syscall.EINVAL
		}
		r.from.say(message{verb: verbFailed, id: r.id, number: uint32(number)})
		return
	}
	c.keep, c.mark = r.files[forkFiles:], p.Env[len(p.Env)-1]
	k.last = max(k.last, c.id)
	k.children[c.id], k.leaders[c.pid] = c, c
	r.from.say(message{verb: verbStarted, id: c.id, number: uint32(c.pid)})
}

// mayFork reads the program, and says what speaks against it.
func (k *keeping) mayFork(r request) (Program, error) {
	p, err := readProgram(r.files[0])
	switch {
	case err != nil:
	case len(p.Env) == 0 || len(r.files) != forkFiles && len(r.files) != mostFiles || k.children[r.id] != nil:
		err = syscall.EINVAL
	case r.name != "" && k.named(r.name):
		err = syscall.EEXIST
	}
	return p, err
}

func (k *keeping) named(name string) bool {
	for _, c := range k.children {
		if c.name == name {
			return true
		}
	}
	return false
}

// say tells whoever is to be told of children; if nobody is, the next front will be.
func (k *keeping) say(m message) {
	switch {
	case k.program == nil:
		k.above.say(m)
	case k.below != nil:
		k.below.say(m)
	}
}
