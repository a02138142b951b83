package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"purser/test/harness"
)

// currentOf is the folder that the site's symlink leads to.
func currentOf(t *testing.T, s site) string {
	t.Helper()
	dir, err := os.Readlink(s.current())
	if err != nil {
		t.Fatalf("cannot tell the current release: %v", err)
	}
	return dir
}

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

// awaitNote waits until tmp/restart.status of the site tells of the restart to a generation.
func awaitNote(t *testing.T, s site, generation int) harness.Course {
	t.Helper()
	var note harness.Course
	harness.Eventually(t, patience, fmt.Sprintf("restart.status tells of generation %d", generation), func() bool {
		text, err := os.ReadFile(filepath.Join(s.current(), "tmp/restart.status"))
		return err == nil && json.Unmarshal(text, &note) == nil && note.Generation == generation
	})
	return note
}

// A release is what the app of test/apps/site does. Spans are in milliseconds.
type release struct {
	Version   int    `json:"version"`
	Boot      int    `json:"boot"`                // it sleeps so long before it listens
	Exit      string `json:"exit,omitempty"`      // then it says this and exits, instead
	Hang      bool   `json:"hang,omitempty"`      // then it never listens
	Life      int    `json:"life,omitempty"`      // so long after that it exits
	Health    int    `json:"health,omitempty"`    // status of /health
	BadEvery  int    `json:"bad_every,omitempty"` // each so-manieth answer is a 500 that says "bad code"
	Ends      string `json:"ends,omitempty"`      // at each request it ends its "process" or the "connection"
	Linger    bool   `json:"linger,omitempty"`    // on TERM it goes on until its requests and its WebSockets have ended
	Exclusive string `json:"exclusive,omitempty"` // folder in which it notes if it meets another version alive
}

// A site is an app that is deployed in folders, one for each release, with a symlink to the current.
type site struct {
	t   *testing.T
	Dir string
}

// newSite is a site with its first release.
func newSite(t *testing.T, first release) site {
	t.Helper()
	s := site{t: t, Dir: harness.EmptyApp(t).Dir}
	s.deploy(first)
	return s
}

// deploy puts a release into a folder of its own, flips the symlink to it and returns the folder. It
// asks for no restart.
func (s site) deploy(r release) string {
	s.t.Helper()
	app := harness.EmptyApp(s.t)
	if r.Health == 0 {
		r.Health = 200
	}
	text, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	app.Write("release.json", string(text))
	link(s.t, app.Dir, s.current())
	return app.Dir
}

func (s site) current() string { return filepath.Join(s.Dir, "current") }

// serve serves the site, with further keys of the app, and waits until n processes are ready.
func (s site) serve(n int, keys ...string) *harness.Purser {
	s.t.Helper()
	program, err := harness.Site()
	if err != nil {
		s.t.Fatal(err)
	}
	keys = append([]string{fmt.Sprintf("command = [%q]", program), processes(n), "max_queue = 0"}, keys...)
	p := harness.Serve(s.t, harness.Options{Config: config(s.current(), keys...)})
	awaitReady(s.t, p, n)
	return p
}
