package keeper

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// confinedVariable is in the environment of a front that has another user than its keeper.
const confinedVariable = "PURSER_CONFINED"

// Confine has nothing that this front runs ever get more rights than it has, and nobody but root look into it. All of
// its threads have to be told the first: where the runtime cannot do that, the program begins anew. For other fronts it does nothing.
func Confine() error {
	if os.Getenv(confinedVariable) == "" {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot keep others from looking into this process: %w", err)
	}
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && set == 1 {
		return nil
	}
	_, _, err := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if err == 0 {
		return nil
	}
	runtime.LockOSThread() // exec ends all other threads
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot give up rights for good: %w", err)
	}
	return fmt.Errorf("cannot begin anew: %w", syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}
