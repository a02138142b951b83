package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

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

// restartTable are keys of [apps.app.restart]; no keys of the app may follow.
func restartTable(keys ...string) string {
	return "[apps.app.restart]\n" + strings.Join(keys, "\n")
}

// healthTable are keys of [apps.app.health]; no keys of the app may follow.
func healthTable(keys ...string) string {
	return "[apps.app.health]\n" + strings.Join(keys, "\n")
}

var generationText = regexp.MustCompile(`\bgen=(\d+)\b`)

// generationIn is the generation that an answer tells of, 0 if it tells of none.
func generationIn(body string) int {
	found := generationText.FindStringSubmatch(body)
	if found == nil {
		return 0
	}
	generation, _ := strconv.Atoi(found[1])
	return generation
}

// wordIn is what follows name= in an answer.
func wordIn(body, name string) string {
	for _, word := range strings.Fields(body) {
		if value, found := strings.CutPrefix(word, name+"="); found {
			return value
		}
	}
	return ""
}

// An ordered is a run of purser's command line under way.
type ordered struct{ result chan harness.Result }

// order runs purser's command line beside the test. It has more than the usual patience.
func order(t *testing.T, p *harness.Purser, args ...string) ordered {
	o := ordered{make(chan harness.Result, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	var running sync.WaitGroup
	running.Go(func() { o.result <- p.Run(ctx, args...) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return o
}

// mustExit waits for the end of the run and expects an exit code.
func (o ordered) mustExit(t *testing.T, code int) harness.Result {
	t.Helper()
	result := <-o.result
	o.result <- result
	if result.Code != code {
		t.Errorf("it exited with %d, not %d: %s%s", result.Code, code, result.Stdout, result.Stderr)
	}
	return result
}

// restart runs purser restart to its end and expects an exit code.
func restart(t *testing.T, p *harness.Purser, code int, args ...string) harness.Result {
	t.Helper()
	return order(t, p, append([]string{"restart", "app"}, args...)...).mustExit(t, code)
}

// A watch looks at the app's status all the time, and keeps what a check finds wrong with it.
type watch struct {
	t      *testing.T
	cancel context.CancelFunc
	done   sync.WaitGroup
	looks  int
	wrong  []string
}

// observe begins a watch. The check returns "" or what is wrong, and runs in one goroutine.
func observe(t *testing.T, p *harness.Purser, check func(harness.Status) string) *watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{t: t, cancel: cancel}
	w.done.Go(func() { w.look(ctx, p, check) })
	t.Cleanup(func() {
		cancel()
		w.done.Wait()
	})
	return w
}

func (w *watch) look(ctx context.Context, p *harness.Purser, check func(harness.Status) string) {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := p.FetchStatus(ctx, "app"); err == nil {
			w.looks++
			if wrong := check(s); wrong != "" {
				w.wrong = append(w.wrong, wrong+"\n"+describe(s))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// end ends the watch, fails the test if something was wrong, and returns how often it has looked.
func (w *watch) end() int {
	w.t.Helper()
	w.cancel()
	w.done.Wait()
	for _, wrong := range w.wrong[:min(3, len(w.wrong))] {
		w.t.Error(wrong)
	}
	if len(w.wrong) > 3 {
		w.t.Errorf("and so on: %d of %d looks found something wrong", len(w.wrong), w.looks)
	}
	if w.looks == 0 {
		w.t.Error("nobody looked")
	}
	return w.looks
}

// describe is a status in a few lines.
func describe(s harness.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, generation %d, queue %d, last restart %s\n", s.Condition, s.Generation, s.Queue, restartState(s))
	for _, p := range s.Processes {
		fmt.Fprintf(&b, "  pid %d generation %d %s, %d requests, %d connections\n", p.PID, p.Generation, p.State, p.Requests, p.Connections)
	}
	return b.String()
}

// mustBeGone fails the test if one of the processes lives after a while.
func mustBeGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		harness.Eventually(t, patience, fmt.Sprintf("process %d is gone", pid), func() bool { return !harness.Alive(pid) })
	}
}

// mustOnlyLive fails the test unless purser's children are exactly the ready processes of the app, all
// run from dir.
func mustOnlyLive(t *testing.T, p *harness.Purser, n int, dir string) {
	t.Helper()
	s := p.Status(t, "app")
	if len(s.Ready()) != n || len(s.Processes) != n {
		t.Errorf("not exactly %d ready processes:\n%s", n, describe(s))
	}
	for _, process := range s.Processes {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", process.PID))
		if process.Release != dir || err != nil || at != dir {
			t.Errorf("process %d is of release %s and runs in %s (%v), not in %s", process.PID, process.Release, at, err, dir)
		}
	}
	if below := p.Family(); len(below) != n {
		t.Errorf("%d processes live below purser, zombies too, not %d: %+v", len(below), n, below)
	}
}
