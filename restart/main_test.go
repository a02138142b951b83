package restart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A site is a deployed app in a scratch folder: releases/N, the symlink current to one of them, and
// a Watcher of current.
type site struct {
	testing.TB
	*Watcher
	dir   string
	live  atomic.Value // string
	asked chan string
	times time.Time // of the next touch
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, dir: dir, asked: make(chan string, 100), times: time.Now()}
	s.live.Store("")
	s.deploy("1")
	s.flip("1")
	return s
}

// watched makes the Watcher, which looks at what there is by now. Polling is off.
func (s *site) watched() *site {
	s.Watcher = New([]conf.App{s.app()},
		func(string) string { return s.live.Load().(string) },
		func(app, reason string) { s.asked <- app + ": " + reason },
		hclog.NewNullLogger())
	s.poll = time.Hour
	return s
}

func (s *site) app() conf.App {
	return conf.App{Name: "blog", Root: s.path("current"), Restart: conf.Restart{File: "tmp/restart.txt"}}
}

// run runs the Watcher until the test ends.
func (s *site) run() *site {
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(s.Context()); err != nil {
			s.Error(err)
		}
	})
	s.Cleanup(running.Wait)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// deploy makes releases/N with tmp.
func (s *site) deploy(release string) {
	s.Helper()
	s.must(os.MkdirAll(s.path("releases/"+release+"/tmp"), 0o700))
}

// flip leads current to releases/N, as a deploy tool does: atomically.
func (s *site) flip(release string) {
	s.Helper()
	s.must(os.Symlink("releases/"+release, s.path("next")))
	s.must(os.Rename(s.path("next"), s.path("current")))
}

// put makes a file or replaces it: with another inode, a time that it never had, and at once.
func (s *site) put(name string) {
	s.Helper()
	s.must(os.WriteFile(s.path("fresh"), nil, 0o600))
	s.touch("fresh")
	s.must(os.Rename(s.path("fresh"), s.path(name)))
}

// touch gives the file a time that it never had.
func (s *site) touch(name string) {
	s.Helper()
	s.times = s.times.Add(time.Second)
	s.must(os.Chtimes(s.path(name), time.Time{}, s.times))
}

func (s *site) remove(name string) {
	s.Helper()
	s.must(os.RemoveAll(s.path(name)))
}

// hold keeps the inode of a file from being given to another, even when the file is removed.
func (s *site) hold(name string) {
	s.Helper()
	f, err := os.Open(s.path(name))
	s.must(err)
	s.Cleanup(func() { _ = f.Close() })
}

// expect waits for a restart to be asked for, by one of the reasons.
func (s *site) expect(reasons ...string) {
	s.Helper()
	select {
	case got := <-s.asked:
		reason, ok := strings.CutPrefix(got, "blog: tmp/restart.txt ")
		if !ok || !slices.Contains(reasons, reason) {
			s.Fatalf("asked for by %q, want one of %q", got, reasons)
		}
	case <-time.After(20 * time.Second):
		s.Fatalf("nothing was asked for, want one of %q", reasons)
	}
}

// sees is expect for a Watcher that is not run: one look, "" = nothing is asked for.
func (s *site) sees(want string) {
	s.Helper()
	l := newLane(s.Context(), s.Watcher, disk.Own)
	defer l.end()
	for _, f := range s.files {
		l.ask(f)
	}
	if want != "" {
		s.expect(want)
	}
	select {
	case got := <-s.asked:
		s.Fatalf("asked for by %q, want no more than %q", got, want)
	default:
	}
}
