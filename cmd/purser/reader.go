package main

import (
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"

	"purser/spawn/keeper"
)

// runReader reads what the command is to serve, for a front that may not. Other commands have nothing to be read: the
// front carries them out as root.
func runReader(args []string, stderr io.Writer) int {
	if slices.Index(args, "serve") == 0 {
		if os.Getenv(apartVariable) == "" {
			return readApart(stderr)
		}
		return sayCode(execute(args, io.Discard, stderr)) // what there is to print, the front prints
	}
	k, left, err := keeper.InheritReader()
	if err == nil {
		err = k.Grant(keeper.Grants{First: left.Granted + 1})
	}
	complain(stderr, err)
	return exitCode(err)
}

const (
	apartVariable = "PURSER_READS_APART" // is in the environment of who looks
	keeperFD      = 3
	codeFD        = 4 // where that one says its exit code
)

// readApart has another process do it, and ends as soon as that is done. A process that looks at a folder on a file system
// that is away may not be able to end, even if it is killed (FUSE, whose program has taken the question and does not
// answer), and the keeper waits for the end of a reader.
func readApart(stderr io.Writer) int {
	runtime.LockOSThread() // with this thread the other process ends, too (PR_SET_PDEATHSIG)
	code, says, err := os.Pipe()
	if err != nil {
		complain(stderr, err)
		return exitInternal
	}
	socket := os.NewFile(keeperFD, "keeper")
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), apartVariable+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, socket, says},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err = errors.Join(err, says.Close(), socket.Close()); err != nil {
		complain(stderr, err)
		return exitInternal
	}
	var said [1]byte
	if n, _ := code.Read(said[:]); n == 1 {
		return int(said[0])
	}
	state, err := process.Wait() // it has been killed, or has said so itself
	if err != nil || state.ExitCode() <= 0 {
		return exitInternal
	}
	return state.ExitCode()
}

// sayCode says how the reading has ended.
func sayCode(code int) int {
	_, _ = syscall.Write(codeFD, []byte{byte(code)}) // else the end of this process says it
	return code
}
