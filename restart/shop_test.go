package restart

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// A shop is a site whose app has processes, and a Checker that looks when the test says so.
type shop struct {
	*site
	*Checker
	app    conf.App
	log    *bytes.Buffer
	time   time.Time // of the Checker
	mu     sync.Mutex
	serve  []Process
	number int
}

func newShop(t *testing.T, auto string, watch ...string) *shop {
	t.Helper()
	s := &shop{site: newSite(t), log: &bytes.Buffer{}, time: time.Now()}
	s.app = conf.App{Name: "blog", Root: s.path("current")}
	s.app.Restart = conf.Restart{File: "tmp/restart.txt", Settle: 250 * time.Millisecond, Auto: auto, Watch: watch}
	s.make("releases/1/Gemfile.lock")
	return s
}

// opened makes the Checker. Its clock begins behind the real one, so that what it sees is new.
func (s *shop) opened() *shop {
	s.Checker = NewChecker([]conf.App{s.app}, s.processes, func(app, reason string) { s.asked <- app + ": " + reason },
		hclog.New(&hclog.LoggerOptions{Output: s.log, Level: hclog.Debug}))
	s.Checker.now = func() time.Time { return s.time }
	return s
}

func (s *shop) processes(app string) []Process {
	if app != "blog" {
		s.Errorf("asked for the processes of %q", app)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.serve)
}

// start starts a process from what current leads to. It began in the past, if the test says so.
func (s *shop) start(ago time.Duration) {
	s.Helper()
	release, err := ResolveRelease(disk.Own, s.app.Root)
	s.must(err)
	print := Fingerprint(disk.Own, release.Path, s.app.Restart.Watch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.serve = append(s.serve, Process{
		Number: s.number, PID: 100 + s.number, Generation: 1, Release: release.Path,
		Began: time.Now().Add(-ago), Print: print,
	})
}

// replace is a restart that is done: every process is a new one. What begins in a minute is later
// than whatever the test has done by now.
func (s *shop) replace(ago time.Duration) {
	s.Helper()
	old := len(s.processes("blog"))
	for range old {
		s.start(ago)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = s.serve[old:]
}

// expects looks, after a time, and says which restart is triggered then. "" = none.
func (s *shop) expects(after time.Duration, want string) {
	s.Helper()
	s.time = s.time.Add(after)
	s.Checker.look(s.Checker.apps[0])
	got := ""
	select {
	case got = <-s.asked:
	default:
	}
	if want != "" {
		want = "blog: " + strings.ReplaceAll(want, "RELEASES", s.path("releases"))
	}
	if got != want {
		s.Fatalf("triggered is %q, want %q", got, want)
	}
}

// needs says what the app needs: reason and PIDs.
func (s *shop) needs(want ...string) {
	s.Helper()
	var got []string
	for _, need := range s.Needs("blog") {
		got = append(got, strings.ReplaceAll(fmt.Sprintf("%s %s %v", need.Kind, need.Reason, need.PIDs), s.path("releases"), "RELEASES"))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("needs are %q, want %q", got, want)
	}
}
