package keeper

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
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
	process *os.Process
	conn    *net.UnixConn
	mark    string // begins the marks of all its children
	ended   chan struct{}

	mu        sync.Mutex // guards what follows
	last      uint32
	processes map[uint32]*Process // those that are not gone
	dead      bool
}

// start runs this binary as a keeper. The child's end of the socket is its descriptor 3, and it has no
// other of ours: what purser itself inherited must not be held open by it, nor reach an app.
func start() (*link, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "keeper"), os.NewFile(uintptr(pair[1]), "purser")
	defer ours.Close()
	defer theirs.Close()
	generic, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, errors.Join(err, generic.Close())
	}
	defer null.Close()
	if err := closeOnExec(); err != nil {
		return nil, errors.Join(err, generic.Close())
	}
	// Its own name, so that kill -9 $(pidof purser) does not hit both, and nobody is left to end the apps.
	process, err := os.StartProcess("/proc/self/exe", []string{"purser-keeper", word}, &os.ProcAttr{
		Env:   append(os.Environ(), "GOMAXPROCS=1"),
		Files: []*os.File{null, null, os.Stderr, theirs},
		Sys:   &syscall.SysProcAttr{Setpgid: true}, // Ctrl-C is for purser
	})
	if err != nil {
		return nil, errors.Join(err, generic.Close())
	}
	l := &link{process: process, conn: generic.(*net.UnixConn), mark: rand.Text()[:10], ended: make(chan struct{}), processes: map[uint32]*Process{}}
	go l.listen()
	return l, nil
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

func (l *link) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// close ends the keeper, and with it all that it kept.
func (l *link) close() {
	l.conn.Close()
	<-l.ended
}

// listen takes what the keeper says until it ends, and then sees to it that nothing is left.
func (l *link) listen() {
	defer close(l.ended)
	for {
		m, _, err := receive(l.conn)
		if err != nil {
			break
		}
		l.take(m)
	}
	l.conn.Close()
	l.process.Wait()
	killMarked(l.mark) // who is left if it was killed
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	for _, p := range l.processes {
		p.lose()
	}
}

func (l *link) take(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.processes[m.id]
	switch {
	case p == nil:
	case m.verb == verbStarted:
		p.pid = int(m.number)
		close(p.started)
	case m.verb == verbFailed:
		p.failure = syscall.Errno(m.number)
		delete(l.processes, m.id)
		close(p.started)
	case m.verb == verbExited:
		p.status = syscall.WaitStatus(m.number)
		close(p.exited)
	case m.verb == verbGone:
		delete(l.processes, m.id)
		close(p.gone)
	}
}

// fork asks for a child and waits until it runs.
func (l *link) fork(p Program) (*Process, error) {
	child, err := l.expect()
	if err != nil {
		return nil, err
	}
	p.Env = append(p.Env[:len(p.Env):len(p.Env)], MarkVariable+"="+markOf(l.mark, child.id))
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
func (l *link) expect() (*Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, errDead
	}
	l.last++
	p := &Process{link: l, id: l.last, started: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{})}
	l.processes[p.id] = p
	return p, nil
}

func (l *link) ask(child *Process, p Program) error {
	text, err := p.text()
	if err != nil {
		return err
	}
	file, err := memory(text)
	if err != nil {
		return err
	}
	defer file.Close()
	files := []int{int(file.Fd()), int(p.Files[0]), int(p.Files[1]), int(p.Files[2])}
	if err := (message{verb: verbFork, id: child.id}).send(l.conn, files...); err != nil {
		<-l.ended
		return errDead
	}
	return nil
}
