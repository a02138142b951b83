package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a state folder in which pursers run one after the other.
type house struct {
	t    *testing.T
	path string
	*History
	said bytes.Buffer // by the purser that runs

	restarts map[string]pool.RestartSnapshot // that the pool knows
	clock    time.Time
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, path: filepath.Join(t.TempDir(), "state", "web.history"), clock: time.Now()}
	h.start()
	t.Cleanup(func() { h.Close() })
	return h
}

// start starts a purser. What the one before it did not write is lost, as if it was killed.
func (h *house) start() {
	if h.History != nil {
		h.mu.Lock()
		h.file.path = "" // the old one writes no more
		h.mu.Unlock()
		h.Close()
	}
	h.said.Reset()
	h.restarts = map[string]pool.RestartSnapshot{}
	h.History = Open(h.path, hclog.New(&hclog.LoggerOptions{Output: &h.said, Level: hclog.Info}))
	h.lookUp = func(id string) (pool.RestartSnapshot, *pool.Group) {
		if r, is := h.restarts[id]; is {
			return r, &pool.Group{}
		}
		return pool.RestartSnapshot{}, nil
	}
	h.End(h.Began("1.0", os.Getpid()), nil)
}

// stop stops it well.
func (h *house) stop(by string) {
	h.End(h.Begin(PurserStop, "", by, ""), nil)
	h.Close()
}

func (h *house) now() time.Time {
	h.clock = h.clock.Add(time.Second)
	return h.clock
}

func (h *house) process(app string, number int, what, why string) {
	h.See(pool.Event{At: h.now(), App: app, Kind: "process", What: what, Process: number, PID: 100 + number, Generation: 1, Why: why})
}

// crash has a process start, serve and exit.
func (h *house) crash(app string, number int, why string) {
	h.process(app, number, "spawning", "")
	h.process(app, number, "ready", "")
	h.process(app, number, "gone", why)
}

// restart has a restart come so far.
func (h *house) restart(id, app, by string, state pool.RestartState, why string) {
	r, is := h.restarts[id]
	if !is {
		r = pool.RestartSnapshot{ID: id, App: app, By: by, Reason: "deploy", Strategy: "rolling", Generation: 2, Started: h.now(),
			Release: pool.Release{Path: "/srv/" + app + "/2"}, From: &pool.Served{Generation: 1, Release: pool.Release{Path: "/srv/" + app + "/1"}}}
	}
	r.State = state
	what := "requested"
	if state != pool.RestartRunning {
		at := h.now()
		r.Ended, what = &at, string(state)
	}
	if why != "" {
		r.Failure = &pool.Failure{Reason: why, ErrorID: "beef"}
	}
	h.restarts[id] = r
	h.See(pool.Event{At: h.clock, App: app, Kind: "restart", What: what, Restart: id, Generation: 2, Why: why})
}

// kinds are the kinds and outcomes of all that is remembered of an app, newest first.
func (h *house) kinds(app string) string {
	var all []string
	for _, e := range h.Entries(app, 0, time.Time{}) {
		all = append(all, string(e.Kind)+" "+string(e.Outcome))
	}
	return strings.Join(all, ", ")
}

func (h *house) mustBe(app, want string) {
	h.t.Helper()
	if got := h.kinds(app); got != want {
		h.t.Errorf("the history of %q is %s\nwant %s", app, got, want)
	}
}

func (h *house) lines() []string {
	text, err := os.ReadFile(h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

var errBad = errors.New("web.toml:3: there is no key \"rot\"")
