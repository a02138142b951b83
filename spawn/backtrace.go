package spawn

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
)

const timeToPrint = time.Second // of a backtrace; what hangs tells no better when it has ended

// signalByName returns the signal that a key of the app names, without its "SIG".
func signalByName(key, name string) (syscall.Signal, error) {
	number := unix.SignalNum("SIG" + name)
	if number == 0 {
		return 0, fmt.Errorf("%s %q is no signal", key, name)
	}
	return number, nil
}

// backtraceSignal returns the signal by which an app's processes print where they hang, 0 if there
// is none. By kind that is
//
//   - ruby: QUIT, as for thread dumps since the first Java. Our configuration of Puma handles it: a
//     handler runs while threads wait or compute, but not while C code holds the interpreter.
//   - python: USR1, by faulthandler, which our loader registers. It does not wait for the
//     interpreter. (For ABRT, faulthandler prints as well, but then the process ends.)
//   - node: none. JavaScript handlers do not run while the process hangs, USR1 opens a debugger's
//     port, and what --report-on-signal writes holds the environment with its secrets.
//   - command: none, as nothing is known of it. For a Go program "QUIT" is right (it prints all
//     goroutines and exits), and for Java (which prints and lives).
//
// A signal that is named is handled by the loaders of Ruby and Python instead of their own, but
// Puma keeps HUP, USR1 and USR2 for itself; others get it as it is.
func backtraceSignal(app conf.App) (syscall.Signal, error) {
	name := app.BacktraceSignal
	if name == "auto" {
		name = map[string]string{kindRuby: "QUIT", kindPython: "USR1"}[app.Kind]
	}
	// A stop signal that only prints would never stop anything.
	if name == "" || name == "none" || name == app.StopSignal {
		return 0, nil
	}
	return signalByName("backtrace_signal", name)
}

// printWhere asks a child that hangs for its backtrace and lets it print, unless ctx ends.
func (c *Child) printWhere(ctx context.Context) {
	if !c.Backtrace() {
		return
	}
	timer := time.NewTimer(timeToPrint)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Exited():
	case <-ctx.Done():
	}
}

func signalName(s syscall.Signal) string {
	return strings.TrimPrefix(unix.SignalName(s), "SIG")
}
