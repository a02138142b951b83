package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A program that is held to limits is not run at once: between the keeper and the program this binary is for a moment, as
// limits are those of a process that is there. So is one that is where it may have to wait (see mounts). It begins as the keeper's own user, who may do more than the app's, and
// has nothing of the app but its descriptors: no environment that would be read with these rights.

const (
	limitedName = "purser-limits" // what it is called by
	limitedWord = "limited"       // behind the keeper's, and followed by how many descriptors are the program's
	failedExit  = 126
	mostLimited = 5 * time.Second // for what takes milliseconds
)

// isLimited reports whether this process is the one before a program.
func isLimited(args []string) bool { return len(args) == 4 && args[2] == limitedWord }

// forkLimited is forkExec for such a program. It has not run when this returns: what is said then is why it does not, and
// nothing if it does.
func forkLimited(p Program, how *syscall.SysProcAttr, files ...int) (pid int, said *os.File, err error) {
	theirs, err := p.prepare(how, files)
	if err != nil {
		return 0, nil, err
	}
	program, err := p.file()
	if err != nil {
		return 0, nil, err
	}
	defer program.Close()
	said, says, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer says.Close()
	mark := p.Env[max(0, len(p.Env)-1):] // by which it is found, whatever happens to the keeper
	pid, err = syscall.ForkExec("/proc/self/exe", []string{limitedName, word, limitedWord, strconv.Itoa(len(theirs))}, &syscall.ProcAttr{Env: mark, Files: append(theirs, program.Fd(), says.Fd()), Sys: how})
	if err != nil {
		said.Close()
		return 0, nil, err
	}
	return pid, said, nil
}

// failureOf waits for the exec, with which the pipe ends. The app's user can stop what runs as that user, and a file
// system may not answer: nobody waits for it for ever.
func failureOf(said *os.File) syscall.Errno {
	var number [4]byte
	err := said.SetReadDeadline(time.Now().Add(mostLimited))
	if err == nil {
		_, err = io.ReadFull(said, number[:])
	}
	switch {
	case err == nil:
		return syscall.Errno(binary.LittleEndian.Uint32(number[:]))
	case errors.Is(err, io.EOF):
		return 0
	}
	return syscall.ETIMEDOUT
}

// runLimited is that process. It returns only if it cannot become the program. All of it is done by one thread, the one
// that becomes the program: so only that one has to change its user.
func runLimited() int {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // there may be no address space for more
	keeper := os.Getppid()
	programFD, err := strconv.Atoi(os.Args[3]) // what to run, as one text; behind it is where to say why it does not run
	if err != nil {
		return failedExit
	}
	unix.CloseOnExec(programFD)
	unix.CloseOnExec(programFD + 1)
	p, err := readProgram(programFD)
	if err == nil {
		err = p.become(keeper)
	}
	number, is := err.(syscall.Errno)
	if !is {
		number = syscall.EINVAL
	}
	_, _ = unix.Write(programFD+1, binary.LittleEndian.AppendUint32(nil, uint32(number)))
	return failedExit
}

// become is what fork and exec do otherwise, with limits: first those for which the app's user has no right, at last those
// that are in the way of what is left to do.
func (p Program) become(keeper int) error {
	late := func(l Limit) bool { return l.Name == NoNewPrivs || l.Name == AddressSpace }
	for _, limit := range p.Limits {
		if !late(limit) {
			limit.mustSet()
		}
	}
	if err := p.User.become(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil { // which ends with a change of the user
		return err
	}
	if os.Getppid() != keeper {
		return syscall.ESRCH
	}
	if p.Dir != "" {
		if err := unix.Chdir(p.Dir); err != nil {
			return err
		}
	}
	for _, limit := range p.Limits {
		if late(limit) {
			limit.mustSet()
		}
	}
	return syscall.Exec(p.Path, p.Args, p.Env)
}

// mustSet ends this process if a limit cannot be set: without it nothing is run. The output is the app's, which is shown.
func (l Limit) mustSet() {
	if err := l.set(); err != nil {
		fmt.Fprintf(os.Stderr, "purser: cannot start it with %s = %s: %v\n", l.Name, limitText(l.Value), err)
		os.Exit(failedExit)
	}
}

// become changes the user of this thread alone, and with it what the program will be.
func (u *User) become() error {
	if u == nil {
		return nil
	}
	if _, _, err := syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(u.Groups)), uintptr(unsafe.Pointer(unsafe.SliceData(u.Groups))), 0); err != 0 {
		return err
	}
	if _, _, err := syscall.RawSyscall(unix.SYS_SETRESGID, uintptr(u.GID), uintptr(u.GID), uintptr(u.GID)); err != 0 {
		return err
	}
	if _, _, err := syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(u.UID), uintptr(u.UID), uintptr(u.UID)); err != 0 {
		return err
	}
	return nil
}
