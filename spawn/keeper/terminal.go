package keeper

import "golang.org/x/sys/unix"

// leaveTerminal gives up purser's terminal, so that it cannot stop what is below: an app that reads
// /dev/tty gets an error instead of SIGTTIN. A session of its own would do that too, but the kernel
// shares the processor between sessions (autogroup, sched(7)), and apps belong with purser there.
func leaveTerminal() {
	tty, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return // there is none
	}
	defer unix.Close(tty)
	_ = unix.IoctlSetInt(tty, unix.TIOCNOTTY, 0)
}
