package test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// The tests in holes_*_test.go are the known holes of other servers, one for each mechanism. Each names
// the threads that it stands for: "puma#2470" is an issue of github.com/puma/puma, and so on.
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
//     crash_test.go, idle_test.go and queue_test.go have those that purser has.
//   - Orphans of process 1 (puma#3255) are in pid1_test.go, sockets that systemd has opened (puma#1842) in
//     the tests of the command.

// serveSite serves a site with a command of its own, relative to the release.
func serveSite(t *testing.T, s site, n int, command string, keys ...string) *harness.Purser {
	t.Helper()
	keys = append([]string{"command = " + command, processes(n), "max_queue = 0"}, keys...)
	p := harness.Serve(t, harness.Options{Config: config(s.current(), keys...)})
	awaitReady(t, p, n)
	return p
}

// sitePath is the program of test/apps/site.
func sitePath(t *testing.T) string {
	t.Helper()
	path, err := harness.Site()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// place writes a file into a release, with its folders.
func place(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// census asks n processes of an app, each of which takes one request at a time, at once, and returns
// what each has answered by its pid.
func census(t *testing.T, p *harness.Purser, n int) map[int]string {
	t.Helper()
	asked := make([]*wire, n)
	for i := range asked {
		asked[i] = dial(t, p)
		asked[i].send("GET /slow?ms=300 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	}
	found := map[int]string{}
	for _, w := range asked {
		a := w.answer("GET")
		pid, err := strconv.Atoi(wordIn(a.Body, "pid"))
		if a.StatusCode != 200 || err != nil {
			t.Fatalf("a process answered %d %q", a.StatusCode, a.Body)
		}
		found[pid] = a.Body
	}
	return found
}

// mustAllBe expects that n processes live, that each answers as this version from this folder, and that
// purser's word for each is what it answers and what the kernel says. The app's concurrency has to be 1.
func mustAllBe(t *testing.T, p *harness.Purser, n, version int, dir string) {
	t.Helper()
	mustOnlyLive(t, p, n, dir)
	answers := census(t, p, n)
	for _, process := range p.Status(t, "app").Processes {
		body, answered := answers[process.PID]
		if !answered {
			t.Errorf("process %d has answered none of %d requests at once", process.PID, n)
			continue
		}
		if wordIn(body, "v") != strconv.Itoa(version) || wordIn(body, "cwd") != dir || wordIn(body, "release") != dir {
			t.Errorf("process %d is not version %d from %s: %q", process.PID, version, dir, body)
		}
		if generationIn(body) != process.Generation {
			t.Errorf("process %d is said to be of generation %d, and says %q", process.PID, process.Generation, body)
		}
	}
}

// falseLabel is a check that finds it wrong if a process runs elsewhere than purser says.
func falseLabel(s harness.Status) string {
	for _, p := range s.Processes {
		dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.PID))
		if p.PID != 0 && err == nil && dir != p.Release {
			return fmt.Sprintf("process %d is said to run %s, but runs %s", p.PID, p.Release, dir)
		}
	}
	return ""
}

// slowRequest sends a request that one process is busy with for so long.
func slowRequest(t *testing.T, p *harness.Purser, ms int) *wire {
	t.Helper()
	w := dial(t, p)
	w.send(fmt.Sprintf("GET /slow?ms=%d HTTP/1.1\r\nHost: example.org\r\n\r\n", ms))
	return w
}

// mustBeAnswered expects that requests that were sent get 200.
func mustBeAnswered(t *testing.T, sent ...*wire) {
	t.Helper()
	for _, w := range sent {
		if a := w.answer("GET"); a.StatusCode != 200 {
			t.Errorf("a request that was under way got %d: %s", a.StatusCode, a.Body)
		}
	}
}

// awaitState waits until a process of a generation is in a state, and returns its pid.
func awaitState(t *testing.T, p *harness.Purser, generation int, state string) (pid int) {
	t.Helper()
	harness.Eventually(t, patience, fmt.Sprintf("a process of generation %d is %s", generation, state), func() bool {
		for _, process := range p.Status(t, "app").Processes {
			if process.Generation == generation && process.State == state {
				pid = process.PID
				return true
			}
		}
		return false
	})
	return pid
}

// mustSay expects each of some texts in what was printed.
func mustSay(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q: %s", text, printed)
		}
	}
}

// sortedPIDs are the pids of processes, in order.
func sortedPIDs(processes []harness.Process) []int {
	pids := harness.Status{Processes: processes}.PIDs()
	slices.Sort(pids)
	return pids
}

// dialUnix is dial for a listener on a unix socket.
func dialUnix(t *testing.T, path string) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}
