// Package restarts holds the tests of how new code takes over, and of what happens when it cannot.
//
// Many stand for a known fault of another server, one for each mechanism. Each names the threads that it
// stands for: "puma#2470" is an issue of github.com/puma/puma, and so on.
//
// Some mechanisms have no counterpart here, and so no test:
//
//   - Purser forks no app from another, and runs no code of one: there is no template, preloader or first
//     worker that could go stale, lose commands or pin gems (puma#2454, #2461, #2467, #2791, #3180, #3477,
//     #3596, #3599, #3602, #3629, #3643, passenger#400, the runner of uWSGI#915). What of it is visible from
//     outside is tested: a crash in mid-roll, a command that is lost, a loop that forks.
//   - Purser loads nothing from a release: no master of an older release lives on with its gems (puma#2018,
//     #2269, #2427, #2471, #2473, #2479, #2516, passenger#1872, #159). What follows for users, that an old
//     release may be deleted, is tested.
//   - No process reports that it is alive, so none can be taken for dead because it is silent, and there is no
//     watchdog to be fed (puma#2786, #3225, #3329, #3675). That the silent ones live on is tested.
//   - einhorn's --reexec-as and Puma's prune_bundler are switches for problems of a server that is written in
//     the app's language. What the app's environment is made of is tested.
//   - The limits that Puma refuses to have (puma#160, #1405, #1656, #2659, #3655 and others) are no stale code;
//     the tests of processes and of the queue have those that purser has.
//   - Orphans of process 1 (puma#3255) are in test/processes, sockets that systemd has opened (puma#1842) in
//     the tests of the command.
package restarts

import (
	"os"
	"testing"

	"purser/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
