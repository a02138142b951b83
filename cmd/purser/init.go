package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"purser/cmd/purser/serve"
	"purser/spawn/keeper"
)

// wantsMain reports whether this process is to be a main process: for a command that serves, and as process 1
// of a container for whichever, since the kernel hands process 1 every orphan.
func wantsMain(args []string) bool {
	return os.Getpid() == 1 || len(args) > 0 && slices.Contains([]string{"serve", "demo"}, args[0])
}

// runMain is the main process of purser. The command itself is carried out by a front below it, which says what
// there is to say; if that crashes, another follows.
func runMain(args []string, stderr io.Writer) int {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		fmt.Fprintln(stderr, "purser: cannot use the watchdog of systemd:", err)
	}
	m := keeper.Main{Args: args, Env: frontEnvironment(), Held: passedSockets(), Watchdog: limit, Notify: systemdTeller(stderr)}
	code, err := m.Run()
	if err != nil {
		complain(stderr, err)
		return exitInternal
	}
	return code
}

// systemdTeller returns what tells systemd something. That it cannot be told is said once, not for as long as purser
// runs.
func systemdTeller(stderr io.Writer) func(text string) {
	failed := false
	return func(text string) {
		_, err := daemon.SdNotify(false, text)
		if err != nil && !failed {
			fmt.Fprintln(stderr, "purser: cannot notify systemd:", err)
		}
		failed = err != nil
	}
}

// passedSockets are those that systemd has opened for us, as the front takes them over.
func passedSockets() (held []keeper.Held) {
	for i, file := range activation.Files(false) {
		held = append(held, keeper.Held{Name: serve.PassedName(i, file.Name()), File: file})
	}
	return held
}

// frontEnvironment is ours without what systemd has meant for this very process.
func frontEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "LISTEN_")
	})
}
