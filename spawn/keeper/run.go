package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketFD = 3
	again    = 20 * time.Millisecond // between two looks at what is being killed
	lastKill = 5 * time.Second       // that the keeper goes on killing when purser is gone
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
	requests := make(chan request)
	go k.read(requests) // until the process ends
	k.loop(requests)
	return 0
}

// keeping is the state of the keeper process.
type keeping struct {
	conn     *net.UnixConn
	children map[uint32]*child
	leaders  map[int]*child // those that are not reaped, by pid
	kin      map[int]kin    // who was seen to belong to a child, by pid
	seen     table
	seenAt   time.Time
}

// A request is a message from purser with its descriptors.
type request struct {
	message
	files []int
}

func begin() (*keeping, error) {
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
	leaveTerminal()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	if err := keepRights(); err != nil {
		return nil, fmt.Errorf("cannot keep purser's rights from apps: %w", err)
	}
	return &keeping{conn: link, children: map[uint32]*child{}, leaders: map[int]*child{}, kin: map[int]kin{}}, nil
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

// read hands on what purser says; at its end, requests is closed.
func (k *keeping) read(requests chan<- request) {
	defer close(requests)
	for {
		m, files, err := receive(k.conn)
		if err != nil {
			return // purser is gone
		}
		requests <- request{m, files}
	}
}

// loop does what is asked and sees to what has ended, one after the other.
func (k *keeping) loop(requests <-chan request) {
	ended, others := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	// Those that ask to end are for purser, at whose end the keeper ends. They are caught and not
	// ignored: the children would inherit that.
	signal.Notify(others, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2)
	tick := time.NewTimer(0)
	for {
		select {
		case r, more := <-requests:
			if !more {
				k.killAll()
				return
			}
			k.obey(r)
		case <-ended:
		case <-others:
			continue
		case <-tick.C:
		}
		if k.look() {
			tick.Reset(again)
		}
	}
}

func (k *keeping) obey(r request) {
	if r.verb == verbFork {
		k.fork(r)
		return
	}
	c := k.children[r.id]
	if c == nil {
		return // gone meanwhile
	}
	switch number := int(r.number); r.verb {
	case verbStop:
		k.remember()
		c.stopping = true
		c.signal(syscall.Signal(number))
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
	defer func() {
		for _, fd := range r.files {
			unix.Close(fd)
		}
	}()
	pid, mark, err := forkExec(r.files)
	if err != nil {
		number, ok := errors.AsType[syscall.Errno](err)
		if !ok {
			number = syscall.EINVAL
		}
		k.say(message{verbFailed, r.id, uint32(number)})
		return
	}
	c := &child{id: r.id, pid: pid, mark: mark}
	k.children[c.id], k.leaders[pid] = c, c
	k.say(message{verbStarted, c.id, uint32(pid)})
}

// forkExec runs a program as leader of a new process group. The kernel kills it when the keeper ends.
func forkExec(files []int) (pid int, mark string, err error) {
	if len(files) != forkFiles {
		return 0, "", syscall.EBADF
	}
	p, err := readProgram(files[0])
	if err != nil {
		return 0, "", err
	}
	pid, err = syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{
		Dir:   p.Dir,
		Env:   p.Env,
		Files: []uintptr{uintptr(files[1]), uintptr(files[2]), uintptr(files[3])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	return pid, p.Env[len(p.Env)-1], err
}

// say tells purser; if it is gone, so are soon the children.
func (k *keeping) say(m message) { _ = m.send(k.conn) }

// look reaps whatever has ended, and ends what has to end with it. It reports whether something is
// still on its way.
func (k *keeping) look() (busy bool) {
	k.reap()
	var dying []*child
	for _, c := range k.children {
		if c.exited && c.ends() {
			dying = append(dying, c)
		}
		busy = busy || c.exited
	}
	switch {
	case len(dying) == 0:
	case k.onlyLeaders():
		for _, c := range dying {
			c.left = 0
		}
	default:
		k.sweep(dying)
		k.reap()
	}
	for _, c := range dying {
		if c.left == 0 && c.groupGone() || time.Since(c.since) > lastKill {
			k.say(message{verbGone, c.id, 0})
			delete(k.children, c.id)
		}
	}
	return busy
}

func (k *keeping) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			break
		}
		if c := k.leaders[pid]; c != nil {
			delete(k.leaders, pid)
			c.exited = true
			k.say(message{verbExited, c.id, uint32(status)})
		}
	}
	// At once, for a group's id may be another's as soon as the group is empty and reaped.
	for _, c := range k.children {
		c.groupGone()
	}
}

// killAll ends everything below, whoever it belongs to. A process that lost its parent comes to the
// keeper, so that in the end there is no child left.
func (k *keeping) killAll() {
	for _, c := range k.children {
		c.kill()
	}
	for begin := time.Now(); time.Since(begin) < lastKill; time.Sleep(time.Millisecond) {
		all := readTable()
		for _, m := range all {
			if all.below(m, os.Getpid()) {
				m.kill()
			}
		}
		k.reap()
		if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); errors.Is(err, syscall.ECHILD) {
			return
		}
	}
}

// sweep kills what belongs to children that are to end.
func (k *keeping) sweep(dying []*child) {
	k.seen, k.seenAt = readTable(), time.Now()
	owners := k.attribute()
	for _, c := range dying {
		c.left = 0
	}
	for pid, id := range owners {
		i := slices.IndexFunc(dying, func(c *child) bool { return c.id == id })
		if i >= 0 {
			k.seen[pid].kill()
			dying[i].left++
		}
	}
}

// remember notes who belongs to whom, as long as the parents tell. Many are stopped at once: then
// one look is for all.
func (k *keeping) remember() {
	if time.Since(k.seenAt) > again {
		k.seen, k.seenAt = readTable(), time.Now()
		k.attribute()
	}
}
