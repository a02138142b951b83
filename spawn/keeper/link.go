package keeper

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// MarkVariable is in the environment of all that a keeper forks: it tells whose child a process is
// that has lost its parent and left its group.
const MarkVariable = "PURSER_CHILD"

// word is the argument that makes this binary a keeper.
const word = "keeper"

// A link is one keeper process, and what it keeps.
type link struct {
	process *os.Process // nil if it is above this process, which is a front
	conn    *net.UnixConn
	mark    string // begins the marks of all children that are forked here
	ended   chan struct{}

	ready     chan struct{}    // closed when this front is
	owns      atomic.Bool      // this front is the owner
	handovers chan Inheritance // what fronts before have left: for a candidate there are two
	upgrading sync.Mutex       // held while an upgrade is under way
	courses   courses

	mu        sync.Mutex // guards what follows
	last      uint32
	processes map[uint32]*Process // those that are not gone
	left      Inheritance         // as far as it is told
	news      map[string]*os.File // held by readings since, and not asked for yet
	waiting   map[uint32]chan answer
	main      int  // pid
	confined  bool // the keeper does only what grants name; known once all is told
	dead      bool
}

func newLink(process *os.Process, conn *net.UnixConn) *link {
	l := &link{process: process, conn: conn, mark: rand.Text()[:10], ended: make(chan struct{}), ready: make(chan struct{}), processes: map[uint32]*Process{}, waiting: map[uint32]chan answer{}, news: map[string]*os.File{},
		handovers: make(chan Inheritance, 2), courses: newCourses()}
	go l.listen()
	return l
}

// launch runs this binary as a keeper. The child's end of the socket is its descriptor 3, and it has no
// other of ours: what purser itself inherited must not be held open by it, nor reach an app.
func launch(signalOfDeath syscall.Signal) (*os.Process, *net.UnixConn, error) {
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	defer null.Close()
	if err := closeOnExec(); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	// Its own name, so that kill -9 $(pidof purser) does not hit both, and nobody is left to end the apps. One that
	// is stopped goes on at the signal of death, and sees it.
	process, err := os.StartProcess("/proc/self/exe", []string{keeperName, word}, &os.ProcAttr{
		Env:   append(os.Environ(), "GOMAXPROCS=1"),
		Files: []*os.File{null, null, os.Stderr, theirs},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: signalOfDeath}, // Ctrl-C is for purser
	})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return process, conn, nil
}

// closeOnExec has every descriptor but the first three closed in programs that are run from now on.
func closeOnExec() error {
	err := unix.CloseRange(3, ^uint(0)>>1&0xffffffff, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	names, err := os.ReadDir("/proc/self/fd") // Linux before 5.11
	if err != nil {
		return err
	}
	for _, name := range names {
		var fd int
		if _, err := fmt.Sscan(name.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// yield has the children that outlive fronts be those of the next.
func (l *link) yield() {
	l.owns.Store(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.processes, func(_ uint32, p *Process) bool { return p.name != "" })
}

func (l *link) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// close ends the keeper, and with it all that it kept. That of a front outlives it: then it is the children
// that are ended, as far as they are this one's.
func (l *link) close() {
	if l.process != nil {
		l.conn.Close()
		<-l.ended
		return
	}
	for _, p := range l.living() {
		p.Kill()
		<-p.gone
	}
}

func (l *link) living() (all []*Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.processes {
		all = append(all, p)
	}
	return all
}

// listen takes what the keeper says until it ends, and then sees to it that nothing is left.
func (l *link) listen() {
	defer close(l.ended)
	for {
		m, files, err := receive(l.conn)
		if err != nil {
			break
		}
		l.take(m, files)
	}
	l.conn.Close()
	if l.process != nil {
		l.process.Wait()
		endCgroups(l.process.Pid)
		killMarked(l.mark) // who is left if it was killed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	for _, p := range l.processes {
		p.lose()
	}
	l.loseAnswers()
}

func (l *link) take(m message, files []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.verb {
	case verbBegin, verbArrival, verbMain, verbHold, verbNote, verbChild, verbBorrower, verbComplete:
		l.inherit(m, files)
		return
	case verbRead, verbFolder, verbOpen, verbHolds:
		l.answered(m, files)
		return
	case verbYield, verbWithdraw, verbOwner, verbResult:
		l.takeCourse(m, files)
		return
	}
	defer closeFiles(files) // nothing of what follows comes with any
	p := l.processes[m.id]
	switch {
	case l.waiting[m.id] != nil:
		l.answered(m, files)
	case p == nil:
	case m.verb == verbStarted:
		p.pid = int(m.number)
		close(p.started)
	case m.verb == verbFailed:
		p.failure = syscall.Errno(m.number)
		delete(l.processes, m.id)
		close(p.started)
	case m.verb == verbLoaded:
		close(p.loaded)
	case m.verb == verbStop:
		l.left.stopping(p)
	case m.verb == verbExited:
		p.status, p.short = syscall.WaitStatus(m.number), shortage(m.name)
		close(p.exited)
	case m.verb == verbGone:
		delete(l.processes, m.id)
		close(p.gone)
	}
}

// fork asks for a child and waits until it runs.
func (l *link) fork(p Program) (*Process, error) {
	child, err := l.expect(p.Name)
	if err != nil {
		return nil, err
	}
	mark := MarkVariable + "=" + markOf(l.mark, child.id)
	p.Env = append(p.Env[:len(p.Env):len(p.Env)], mark)
	p.Fill.Env = append(p.Fill.Env[:len(p.Fill.Env):len(p.Fill.Env)], mark)
	if err := l.ask(child, p); err != nil {
		l.mu.Lock()
		delete(l.processes, child.id)
		l.mu.Unlock()
		return nil, err
	}
	<-child.started
	if child.failure != nil {
		return nil, child.failure
	}
	return child, nil
}

func markOf(mark string, id uint32) string { return fmt.Sprintf("%s.%d", mark, id) }

var errDead = errors.New("the process that runs the apps has died")

// expect makes room for a child.
func (l *link) expect(name string) (*Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, errDead
	}
	l.last++
	p := newProcess(l, l.last, name)
	l.processes[p.id] = p
	return p, nil
}

func (l *link) ask(child *Process, p Program) error {
	text, err := p.request()
	if err != nil {
		return err
	}
	program, err := memory(text)
	if err != nil {
		return err
	}
	defer program.Close()
	files := []int{int(program.Fd()), int(p.Files[0]), int(p.Files[1]), int(p.Files[2])}
	return withNumbers(p.Keep, files, func(files []int) error {
		how, number := p.order()
		err := message{verb: how, id: child.id, number: number, name: p.Name}.send(l.conn, files...)
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
			<-l.ended
			return errDead
		}
		return err
	})
}

// withNumbers calls do with the numbers of open files behind those that there are. File.Fd would take their
// deadlines from them.
func withNumbers(files []*os.File, numbers []int, do func([]int) error) error {
	if len(files) == 0 {
		return do(numbers)
	}
	raw, err := files[0].SyscallConn()
	if err != nil {
		return err
	}
	var done error
	err = raw.Control(func(fd uintptr) { done = withNumbers(files[1:], append(numbers, int(fd)), do) })
	return errors.Join(err, done)
}
