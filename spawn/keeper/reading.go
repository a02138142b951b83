package keeper

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A reading is a short-lived process that runs as the keeper's user, with the command line that the main process gave,
// and reads the configuration: at the start, and when the front asks for it. Nothing of what it says holds before it
// has ended well.
type reading struct {
	peer   *peer // nil when all that it says was heard
	pid    int   // 0 when it is reaped
	code   int   // its exit code
	from   *peer // the front that has asked for it; nil = at the start
	id     uint32
	until  time.Time // when it is killed
	held   map[string]int
	grants *Grants
	output *os.File // what it prints, for who has asked
}

const (
	readerName   = "purser-reader"
	onlyVariable = "PURSER_READ_ONLY_APP" // tells a reader which app it is to look at; not set = all
	readingTime  = time.Minute            // that it may take
	mostPrinted  = 1 << 20
)

// reads reports whether the front has to wait for a reading, which is begun if need be: of a purser that root has
// started.
func (k *keeping) reads() bool {
	if k.reading != nil {
		return k.reading.from == nil
	}
	if os.Geteuid() != 0 || k.granted.all != nil || k.front.stage == ended {
		return false
	}
	if err := k.read(nil, 0, ""); err != nil {
		k.log.print("cannot read the configuration: %v", err)
		k.front.ends(cannotStart)
	}
	return true
}

// read begins a reading, of all or of one app.
func (k *keeping) read(asker *peer, id uint32, app string) (err error) {
	if k.reading != nil {
		return syscall.EBUSY
	}
	p, err := readProgram(k.program[0])
	if err != nil {
		return err
	}
	p.Args = slices.Concat([]string{readerName}, p.Args[1:])
	if app != "" {
		p.Env = append(p.Env, onlyVariable+"="+app)
	}
	next := &reading{from: asker, id: id, held: map[string]int{}, until: time.Now().Add(readingTime)}
	prints := []int{k.program[2], k.program[3]}
	if asker != nil {
		if next.output, err = memory(nil); err != nil {
			return err
		}
		prints = []int{int(next.output.Fd()), int(next.output.Fd())}
	}
	if err := k.startReader(next, p, prints); err != nil {
		next.output.Close()
		return err
	}
	k.reading = next
	k.tellReader(next.peer)
	return nil
}

func (k *keeping) startReader(next *reading, p Program, prints []int) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	next.pid, err = forkExec(p, &syscall.SysProcAttr{}, int(null.Fd()), prints[0], prints[1], int(theirs.Fd()))
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	next.peer = newPeer(ours, k.requests)
	return nil
}

// isFrom reports whether it is the reader who says something.
func (r *reading) isFrom(said request) bool { return r != nil && r.peer == said.from && r.peer != nil }

// obeyReader takes what the reader says.
func (k *keeping) obeyReader(r request) error {
	switch r.verb {
	case verbHold:
		put(k.reading.held, r.name, r.files[0])
		return nil
	case verbGrants:
		defer closeFiles(r.files)
		text, err := readMemory(r.files[0], grantsSize)
		if err != nil {
			return err
		}
		grants, err := parseGrants(string(text))
		k.reading.grants = &grants
		return err
	}
	closeFiles(r.files)
	return errMalformed(fmt.Sprintf("%q is not for who says it", byte(r.verb)))
}

// loseReader is the end of what the reader says.
func (k *keeping) loseReader() {
	k.reading.peer.close()
	k.reading.peer = nil
}

// reapReader notes how the reader has ended.
func (k *keeping) reapReader(status syscall.WaitStatus) {
	k.reading.pid, k.reading.code = 0, codeOf(status)
	if k.reading.peer != nil {
		_ = k.reading.peer.conn.SetReadDeadline(time.Now().Add(lastWords))
	}
}

// lookAtReading ends a reading that is over, or takes too long. It returns how long that can wait; 0 = for ever.
func (k *keeping) lookAtReading(now time.Time) time.Duration {
	r := k.reading
	switch {
	case r == nil:
		return 0
	case r.pid == 0 && r.peer == nil:
		k.endReading(r)
		return again
	case now.Before(r.until):
		return r.until.Sub(now)
	case r.pid != 0:
		k.log.print("the process that reads the configuration (%d) takes too long, so it is killed", r.pid)
		unix.Kill(r.pid, unix.SIGKILL)
	}
	r.until = now.Add(readingTime)
	return readingTime
}

// endReading goes by what was read, if that has ended well, and tells who has asked for it.
func (k *keeping) endReading(r *reading) {
	k.reading, k.worked = nil, true
	var err error
	if r.code == 0 && r.grants == nil && r.from == nil {
		r.grants = &Grants{First: 1} // it was about something else, such as help
	}
	if r.code == 0 && r.grants == nil {
		err = errMalformed("a reading without grants")
	} else if r.code == 0 {
		err = k.granted.adopt(*r.grants)
	}
	if err != nil {
		k.log.print("%v", err)
		r.code = cannotStart
	}
	for name, fd := range r.held {
		switch {
		case r.code != 0:
			unix.Close(fd)
		case k.isFront(r.from):
			r.from.say(message{verb: verbHold, name: name}, copies([]int{fd})...)
			put(k.held, name, fd)
		default:
			put(k.held, name, fd)
		}
	}
	switch {
	case r.from == nil && r.code != 0:
		k.front.ends(r.code)
	case k.isFront(r.from):
		r.from.say(message{verb: verbRead, id: r.id, number: uint32(r.code)}, copies([]int{int(r.output.Fd())})...)
	}
	if r.output != nil {
		r.output.Close()
	}
}

// dropReading ends it with the purser that has not begun to serve.
func (k *keeping) dropReading(s syscall.Signal) {
	unix.Kill(k.reading.pid, unix.SIGKILL)
	k.front.ends(128 + int(s))
}

// frontProgram is how the front is started: as its user, where it is to have another. Then it stays where the keeper
// is, as its user may not be allowed to enter that.
func (k *keeping) frontProgram() (p Program, rights []uintptr, err error) {
	p, err = readProgram(k.program[0])
	if err != nil || !k.granted.confined {
		return p, k.rights, err
	}
	p.User, p.Dir = k.granted.front, ""
	names := map[string]bool{"PWD": true, "OLDPWD": true}
	for _, variable := range k.granted.env {
		name, _, _ := strings.Cut(variable, "=")
		names[name] = true
	}
	p.Env = slices.DeleteFunc(p.Env, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return names[name]
	})
	p.Env = append(append(p.Env, k.granted.env...), confinedVariable+"=1")
	return p, nil, nil
}
