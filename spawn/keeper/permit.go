package keeper

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// isFront reports whether it is a front that says something.
func (k *keeping) isFront(p *peer) bool { return k.frontOf(p) != nil }

// permits says why the front is not to have what it asks for.
func (k *keeping) permits(r request) error {
	if !k.granted.confined || !k.isFront(r.from) {
		return nil
	}
	if r.verb == verbFollow {
		return k.mayFollow(r.id, int(r.number))
	}
	return nil
}

// mayFollow has a process be signalled with a child only if it belongs to it.
func (k *keeping) mayFollow(id uint32, pid int) error {
	k.seen, k.seenAt = readTable(), time.Now()
	if owner, belongs := k.attribute()[pid]; !belongs || owner != id {
		return refused("to have the process %d signalled with a child that it does not belong to", pid)
	}
	return nil
}

// toldSystemd are the variables that a front may have systemd told (sd_notify(3)).
var toldSystemd = []string{"READY", "RELOADING", "STOPPING", "STATUS", "ERRNO", "MONOTONIC_USEC", "EXTEND_TIMEOUT_USEC"}

// notify has systemd told a text: a copy, as who has said it could change what was looked at until it is told.
func (k *keeping) notify(r request) error {
	defer closeFiles(r.files)
	text, err := readMemory(r.files[0], textSize)
	if err == nil && k.granted.confined && k.isFront(r.from) {
		err = mayNotify(string(text))
	}
	if err != nil {
		return err
	}
	own, err := memory(text)
	if err != nil {
		return err
	}
	defer own.Close()
	k.above.say(r.message, copies([]int{int(own.Fd())})...)
	return nil
}

func mayNotify(text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		name, _, _ := strings.Cut(line, "=")
		if line != "" && !slices.Contains(toldSystemd, name) {
			return refused("to tell systemd %q", line)
		}
	}
	return nil
}

// programOf is what is to be run, with the folder that it is to have.
func (k *keeping) programOf(r request) (p Program, folder uint32, err error) {
	if !k.granted.confined || !k.isFront(r.from) {
		if r.number != 0 {
			return p, 0, syscall.EINVAL
		}
		p, err = readProgram(r.files[0])
		return p, 0, err
	}
	text, err := readMemory(r.files[0], programSize)
	if err != nil {
		return p, 0, err
	}
	return k.granted.program(r.number, text)
}

// grant does what is asked of readings and of folders.
func (k *keeping) grant(r request) (err error) {
	answer := r.message
	switch {
	case !k.isFront(r.from) || r.verb == verbGrants:
		closeFiles(r.files)
		return errMalformed(fmt.Sprintf("%q is not for who says it", byte(r.verb)))
	case r.verb == verbRead:
		if err := k.mayRead(r.name); err != nil {
			k.fail(r, err)
			return nil
		}
		if err := k.read(r.from, r.id, r.name); err != nil {
			k.fail(r, err)
		}
		return nil
	case r.verb == verbUse:
		defer closeFiles(r.files)
		text, err := readMemory(r.files[0], grantsSize)
		if err != nil {
			return err
		}
		return k.granted.use(string(text))
	case r.verb == verbHolds:
		if err := k.tellHolds(r); err != nil {
			k.fail(r, err)
		}
		return nil
	case r.verb == verbFolder:
		answer.number, answer.name, err = k.granted.makeFolder(r.number, r.from)
	case r.verb == verbLeave:
		k.granted.leaveFolder(r.number)
		return nil
	case r.verb == verbOpen:
		err = k.granted.openSocket(r.number)
	}
	if err != nil {
		k.fail(r, err)
		return nil
	}
	r.from.say(answer)
	return nil
}

// appName is what the name of an app may be.
var appName = regexp.MustCompile(`^[\w.-]{0,64}$`)

func (k *keeping) mayRead(app string) error {
	if !k.granted.confined || k.program == nil || !appName.MatchString(app) {
		return refused("to have the configuration read for it")
	}
	switch k.upgrade.phase {
	case queued, trying, // a reading would not outlive the renewal of the keeper
		taking: // it may be the version before that serves on
		return syscall.EAGAIN
	}
	return nil
}

// fail tells who has asked why that was not done, and says it if it was no mishap.
func (k *keeping) fail(r request, err error) {
	number, is := errors.AsType[syscall.Errno](err)
	if !is {
		number = syscall.EINVAL
	}
	if _, is := errors.AsType[errRefused](err); is {
		k.sayRefused(err, time.Now())
		number = syscall.EPERM
	}
	r.from.say(message{verb: verbFailed, id: r.id, number: uint32(number)})
}

// tellReader tells a reader what is held, and which numbers grants have.
func (k *keeping) tellReader(to *peer) {
	to.say(message{verb: verbBegin, id: k.granted.last, number: uint32(k.front.begun), name: k.granted.front.name()})
	to.say(message{verb: verbMain, number: uint32(unix.Getppid())})
	for name, fd := range k.held {
		to.say(message{verb: verbHold, name: name}, copies([]int{fd})...)
	}
	to.say(message{verb: verbComplete})
}

// name is the user without the supplementary groups, as a reader is told it.
func (u *User) name() string {
	if u == nil {
		return ""
	}
	return (&User{UID: u.UID, GID: u.GID}).text()
}
