package keeper

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A Program is what to run.
type Program struct {
	Name      string // unique among those that live, at most 400 bytes; "" for one that is to end with the front
	Path, Dir string // Dir is entered as User
	User      *User  // nil = the keeper's own
	Limits    Limits
	Group     AppGroup
	Args, Env []string
	Files     [3]uintptr // stdin, stdout and stderr

	// Grant is the number of what may be run, for a front that may run nothing else; 0 = the rest of this says what to
	// run. Fill is then all that is said beside that.
	Grant uint32
	Fill  Filling

	Source bool     // it is to be a fork source: it says so when it is ready to fork (Process.Loaded)
	From   *Process // the fork source that makes it, which runs the same program; nil = it is run anew

	// Keep are the other ends of the pipes that are its files, all three or none. The keeper holds copies until
	// nothing is left of the child, and of the first until it is told to stop: so the end of a front is neither an
	// end of file nor a broken pipe for it.
	Keep []*os.File
}

const programSize = 8 << 20 // more than execve(2) takes, which is at most 6 MiB

// text is the program as one text, which no string of a program can break: none may contain NUL.
func (p Program) text() ([]byte, error) {
	fields := append([]string{p.Path, p.Dir, asText(p.User, p.Limits, p.Group), fmt.Sprint(len(p.Args))}, p.Args...)
	fields = append(fields, p.Env...)
	text := strings.Join(fields, "\x00")
	if strings.Count(text, "\x00") != len(fields)-1 {
		return nil, os.ErrInvalid
	}
	return []byte(text), nil
}

// file is that text in memory, as it is handed on.
func (p Program) file() (*os.File, error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	return memory(text)
}

// request is the program as a keeper is asked for it.
func (p Program) request() ([]byte, error) {
	if p.Grant != 0 {
		return p.Fill.text()
	}
	return p.text()
}

// order is how a keeper is asked for it, and the number that goes with that.
func (p Program) order() (verb, uint32) {
	switch {
	case p.From != nil:
		return verbBear, p.From.id
	case p.Source:
		return verbSource, p.Grant
	}
	return verbFork, p.Grant
}

// parseProgram is the other direction of text.
func parseProgram(text string) (p Program, err error) {
	fields := strings.Split(text, "\x00")
	const head = 4 // fields before the arguments
	if len(fields) < head {
		return p, syscall.EINVAL
	}
	user, limits, group, err := parseAs(fields[2])
	if err != nil {
		return p, err
	}
	args, err := strconv.Atoi(fields[3])
	if err != nil || args < 1 || args > len(fields)-head {
		return p, syscall.EINVAL
	}
	return Program{Path: fields[0], Dir: fields[1], User: user, Limits: limits, Group: group, Args: fields[head : head+args], Env: fields[head+args:]}, nil
}

func readProgram(fd int) (Program, error) {
	text, err := readMemory(fd, programSize)
	if err != nil {
		return Program{}, err
	}
	return parseProgram(string(text))
}

// forkExec runs a program as leader of a new process group. The kernel kills it when the keeper ends: also as another
// user, since the signal is asked for after the change (prctl(2), PR_SET_PDEATHSIG).
func forkExec(p Program, how *syscall.SysProcAttr, files ...int) (pid int, err error) {
	theirs, err := p.prepare(how, files)
	if err != nil {
		return 0, err
	}
	how.Credential = p.User.credential()
	return syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{Dir: p.Dir, Env: p.Env, Files: theirs, Sys: how})
}

// prepare is what precedes each fork.
func (p Program) prepare(how *syscall.SysProcAttr, files []int) (theirs []uintptr, err error) {
	for _, fd := range files {
		theirs = append(theirs, uintptr(fd))
	}
	how.Setpgid, how.Pdeathsig = true, syscall.SIGKILL
	return theirs, p.User.own(files)
}
