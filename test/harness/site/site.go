// Package site makes and serves the app of test/apps/site, as a deploy tool does it: a folder for each release, and
// a symlink to the current one.
package site

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"purser/test/harness"
)

// A Release is what the app of test/apps/site does. Spans are in milliseconds.
type Release struct {
	Version   int    `json:"version"`
	Boot      int    `json:"boot"`                // it sleeps so long before it listens
	Exit      string `json:"exit,omitempty"`      // then it says this and exits, instead
	Hang      bool   `json:"hang,omitempty"`      // then it never listens
	Life      int    `json:"life,omitempty"`      // so long after that it exits
	Health    int    `json:"health,omitempty"`    // status of /health
	BadEvery  int    `json:"bad_every,omitempty"` // each so-manieth answer is a 500 that says "bad code"
	Ends      string `json:"ends,omitempty"`      // at each request it ends its "process" or the "connection"
	Linger    bool   `json:"linger,omitempty"`    // on TERM it goes on until its requests and its WebSockets have ended
	Cache     string `json:"cache,omitempty"`     // Cache-Control of each answer
	Exclusive string `json:"exclusive,omitempty"` // folder in which it notes if it meets another version alive
}

// A Site is an app that is deployed in folders, one for each release, with a symlink to the current.
type Site struct {
	T   *testing.T
	Dir string
}

// New is a site with its first release.
func New(t *testing.T, first Release) Site {
	t.Helper()
	s := Site{T: t, Dir: harness.EmptyApp(t).Dir}
	s.Deploy(first)
	return s
}

// Deploy puts a release into a folder of its own, flips the symlink to it and returns the folder. It
// asks for no restart.
func (s Site) Deploy(r Release) string {
	s.T.Helper()
	app := harness.EmptyApp(s.T)
	if r.Health == 0 {
		r.Health = 200
	}
	text, err := json.Marshal(r)
	if err != nil {
		s.T.Fatal(err)
	}
	app.Write("release.json", string(text))
	harness.Symlink(s.T, app.Dir, s.Current())
	return app.Dir
}

// Current is the symlink to the current release.
func (s Site) Current() string { return filepath.Join(s.Dir, "current") }

// Serve serves the site, with further keys of the app, and waits until n processes are ready.
func (s Site) Serve(n int, keys ...string) *harness.Purser {
	s.T.Helper()
	return s.ServeUnder(harness.ServerTable(), n, keys...)
}

// ServeUnder is Serve with a [server] table.
func (s Site) ServeUnder(server string, n int, keys ...string) *harness.Purser {
	s.T.Helper()
	program, err := harness.SiteProgram()
	if err != nil {
		s.T.Fatal(err)
	}
	keys = append([]string{fmt.Sprintf("command = [%q]", program), harness.Processes(n), "max_queue = 0"}, keys...)
	p := harness.Serve(s.T, harness.Options{Config: server + harness.AppTable("app", s.Current(), keys...)})
	harness.AwaitReady(s.T, p, n)
	return p
}

// ServeCommand serves a site with a command of its own, relative to the release.
func ServeCommand(t *testing.T, s Site, n int, command string, keys ...string) *harness.Purser {
	t.Helper()
	keys = append([]string{"command = " + command, harness.Processes(n), "max_queue = 0"}, keys...)
	p := harness.Serve(t, harness.Options{Config: harness.Config(s.Current(), keys...)})
	harness.AwaitReady(t, p, n)
	return p
}

// Program is the program of test/apps/site.
func Program(t *testing.T) string {
	t.Helper()
	path, err := harness.SiteProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// CurrentOf is the folder that the site's symlink leads to.
func CurrentOf(t *testing.T, s Site) string {
	t.Helper()
	dir, err := os.Readlink(s.Current())
	if err != nil {
		t.Fatalf("cannot tell the current release: %v", err)
	}
	return dir
}

// AwaitNote waits until tmp/restart.status of the site tells of the restart to a generation.
func AwaitNote(t *testing.T, s Site, generation int) harness.Course {
	t.Helper()
	var note harness.Course
	harness.Eventually(t, harness.Patience, fmt.Sprintf("restart.status tells of generation %d", generation), func() bool {
		text, err := os.ReadFile(filepath.Join(s.Current(), "tmp/restart.status"))
		return err == nil && json.Unmarshal(text, &note) == nil && note.Generation == generation
	})
	return note
}
