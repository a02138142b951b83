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

// A Main is the main process of purser: the one that people and systemd know, and process 1 of a container. It
// passes signals on, reaps orphans, talks to systemd, and ends with the exit code of the front.
type Main struct {
	Args     []string      // of the front, without its name
	Env      []string      // of the front
	Held     []Held        // what the first front inherits; closed when it is handed over
	Notify   func(string)  // tells systemd; required
	Watchdog time.Duration // in which systemd wants a sign of life; 0 = none
}

// Held is a descriptor and its name.
type Held struct {
	Name string
	File *os.File
}

const (
	mainSpare  = 6                      // threads, so that a limit of processes does not end the main process
	leastWatch = 100 * time.Millisecond // between two signs of life, lest they are all that the keeper has to do
	sameSignal = 100 * time.Millisecond // two signals in that time are one: kill $(pidof purser) sends the same one twice
	takingTime = 3 * time.Second        // that the keeper has to take a second signal that ends purser, before it is killed
)

// ErrKeeper is the end of a purser whose keeper has died.
var ErrKeeper = errors.New("the process that runs the apps has died, and so purser and all apps have ended")

// A mainProcess is a Main that runs.
type mainProcess struct {
	Main
	conn   *net.UnixConn
	keeper int      // its pid; 0 when it is reaped
	others []member // what was below this process before

	code int
	over bool      // the keeper has said so
	told time.Time // when purser was first told to end
	open int       // signals that the keeper has not taken yet
}

// Run runs purser, and returns its exit code when nothing of it is left. It must be called from the main
// goroutine.
func (m Main) Run() (code int, err error) {
	runtime.LockOSThread() // its end would be that of this process to the keeper
	runtime.GOMAXPROCS(1)
	signals := make(chan os.Signal, 32) // to the end of the process: one that comes with that must not take its exit code
	signal.Notify(signals, unix.SIGCHLD, unix.SIGPIPE, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	p := &mainProcess{Main: m}
	for _, member := range readTable() {
		if member.parent == os.Getpid() {
			p.others = append(p.others, member)
		}
	}
	ReserveThreads(mainSpare)
	process, conn, err := launch(unix.SIGCONT)
	if err != nil {
		return 0, fmt.Errorf("cannot start the process that runs the apps: %w", err)
	}
	p.keeper, p.conn = process.Pid, conn
	_ = process.Release()
	defer conn.Close()
	if err := p.begin(); err != nil {
		_ = unix.Kill(p.keeper, unix.SIGKILL)
		killBelow(p.others, p.reap)
		return 0, fmt.Errorf("cannot start the process that serves: %w", err)
	}
	giveBack()
	return p.loop(signals)
}

// begin hands the keeper what it needs to start the front.
func (p *mainProcess) begin() error {
	for _, held := range p.Held {
		if err := withNumbers([]*os.File{held.File}, nil, func(files []int) error {
			return message{verb: verbHold, name: held.Name}.send(p.conn, files...)
		}); err != nil {
			return err
		}
		held.File.Close()
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // that of the keeper, which is ours
	}
	program, err := Program{Path: "/proc/self/exe", Dir: dir, Args: append([]string{frontName}, p.Args...), Env: p.Env}.file()
	if err != nil {
		return err
	}
	defer program.Close()
	return message{verb: verbFront}.send(p.conn, int(program.Fd()), 0, 1, 2)
}

func (p *mainProcess) loop(signals <-chan os.Signal) (int, error) {
	keeper, said := p.keeper, make(chan request)
	go p.listen(said)
	var feed <-chan time.Time
	if p.Watchdog > 0 {
		ticker := time.NewTicker(max(p.Watchdog/2, leastWatch))
		defer ticker.Stop()
		feed = ticker.C
	}
	var limit <-chan time.Time // that the next signal does not put off
	for said != nil || p.keeper != 0 {
		select {
		case r, more := <-said:
			if !more {
				said = nil
				break
			}
			p.take(r)
		case s := <-signals:
			if p.pass(s.(syscall.Signal), time.Now()) && limit == nil {
				limit = time.After(takingTime)
			}
		case <-feed:
			_ = message{verb: verbAlive}.send(p.conn)
		case <-limit:
			limit = nil
			if p.open > 0 && p.keeper != 0 {
				_ = unix.Kill(p.keeper, unix.SIGKILL)
			}
		}
	}
	endCgroups(keeper)
	killBelow(p.others, p.reap)
	if !p.over {
		return 0, ErrKeeper
	}
	return p.code, nil
}

func (p *mainProcess) listen(said chan<- request) {
	defer close(said)
	for {
		m, files, err := receive(p.conn)
		if err != nil {
			return
		}
		said <- request{message: m, files: files}
	}
}

func (p *mainProcess) take(r request) {
	defer closeFiles(r.files)
	switch r.verb {
	case verbOver:
		p.code, p.over = int(r.number), true
	case verbPass:
		p.open--
	case verbAlive:
		p.Notify("WATCHDOG=1")
	case verbNotify:
		if len(r.files) != 1 {
			return
		}
		if text, err := readMemory(r.files[0], textSize); err == nil {
			p.Notify(string(text))
		}
	}
}

// pass passes a signal on, but for those that are about this process itself. It reports whether that was to end
// purser, and not for the first time.
func (p *mainProcess) pass(s syscall.Signal, now time.Time) (again bool) {
	switch s {
	case unix.SIGCHLD:
		p.reap()
		return false
	case unix.SIGPIPE:
		return false
	case unix.SIGTERM, unix.SIGINT:
		again = !p.told.IsZero() && now.Sub(p.told) > sameSignal
		if p.told.IsZero() {
			p.told = now
		}
	}
	if p.keeper != 0 && (message{verb: verbPass, number: uint32(s)}).send(p.conn) == nil {
		p.open++
	}
	return again
}

func (p *mainProcess) reap() {
	reapAll(func(pid int, _ syscall.WaitStatus) {
		if pid == p.keeper {
			p.keeper = 0
		}
	})
}
