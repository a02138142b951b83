package restarts

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// A badRelease is a deployment that must come to nothing: visitors go on with the old release.
type badRelease struct {
	name    string
	is      site.Release
	keys    []string // further keys of the app
	tables  []string // and of its tables
	want    []string // in what purser restart prints
	crashes bool     // its own processes die while they serve, which costs capacity until they are replaced
}

func badReleases() []badRelease {
	return []badRelease{
		{name: "exits at boot", is: site.Release{Exit: "there is no table users"}, want: []string{"there is no table users"}},
		{name: "exits after 2 s of boot", is: site.Release{Boot: 2000, Exit: "cannot reach the cache"}, want: []string{"cannot reach the cache"}},
		{name: "hangs in boot", is: site.Release{Hang: true}, keys: []string{`start_timeout = "1500ms"`}, want: []string{"waiting for a lock", "1.5s"}},
		{name: "answers 500 to the health check", is: site.Release{Health: 500}, keys: []string{`start_timeout = "2s"`},
			tables: []string{harness.HealthTable(`path = "/health"`, `interval = "100ms"`)}, want: []string{"/health", "500"}},
		{name: "answers 500 to a fifth of the requests", is: site.Release{BadEvery: 5},
			tables: []string{harness.HealthTable(`probation = "20s"`)}, want: []string{"answers were errors"}},
		{name: "exits soon after its boot, in the middle of the roll", is: site.Release{Boot: 1000, Life: 700}, crashes: true,
			want: []string{"out of luck"}},
		{name: "exits soon after its boot, when the roll is over", is: site.Release{Life: 1000}, crashes: true,
			tables: []string{harness.HealthTable(`probation = "5s"`)}, want: []string{"out of luck"}},
	}
}

func TestBadReleaseIsTakenBackAndTheOldOneHeldUp(t *testing.T) {
	for _, b := range badReleases() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.test(t)
		})
	}
}

func (b badRelease) test(t *testing.T) {
	const n = 4
	s := site.New(t, site.Release{Version: 1, Boot: 50})
	old := site.CurrentOf(t, s)
	p := s.Serve(n, slices.Concat(b.keys, b.tables)...)
	load := harness.Load{Addr: p.Addr, Rate: 60}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 60)
	capacity := n
	if b.crashes {
		capacity = 0
	}
	roll := harness.Observe(t, p, harness.FewerReadyThan(capacity))

	b.is.Version = 2
	s.Deploy(b.is)
	result := harness.MustRestart(t, p, 1)
	for _, want := range b.want {
		if !strings.Contains(result.Stderr, want) {
			t.Errorf("purser restart does not say %q: %s", want, result.Stderr)
		}
	}
	harness.Eventually(t, harness.Patience, "the old release is back at its full capacity", func() bool {
		s := p.Status(t, "app")
		return len(oldReady(s, old)) == n && len(s.Ready()) == n
	})
	mustServe(t, p, n, old)
	roll.End()

	victim := p.Status(t, "app").Ready()[0].PID
	harness.Kill(t, victim)
	harness.Eventually(t, harness.Patience, "the killed process is replaced", func() bool {
		s := p.Status(t, "app")
		return len(oldReady(s, old)) >= n && !slices.Contains(s.PIDs(), victim)
	})
	held := harness.Observe(t, p, harness.FewerReadyThan(n))
	mustServe(t, p, n, old)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+60)
	held.End()
	report := load.End()
	mustFailOnlyByItself(t, report)
	t.Logf("%v; purser restart took %v and says: %s", report, result.Took.Round(time.Millisecond), firstLine(result.Stderr))
}

// mustServe expects that n processes of the release in dir are ready, and that each answer is theirs.
func mustServe(t *testing.T, p *harness.Purser, n int, dir string) {
	t.Helper()
	if s := p.Status(t, "app"); len(oldReady(s, dir)) != n || len(s.Ready()) != n {
		t.Errorf("not exactly %d processes of the old release are ready:\n%s", n, harness.Describe(s))
	}
	for range 5 * n {
		a := harness.Get(t, p, "/")
		if harness.WordIn(a.Body, "release") != dir || harness.WordIn(a.Body, "cwd") != dir || harness.WordIn(a.Body, "v") != "1" {
			t.Fatalf("an answer is not of the old release in %s: %d %q", dir, a.StatusCode, a.Body)
		}
	}
}

// oldReady are the ready processes of the release in dir.
func oldReady(s harness.Status, dir string) []harness.Process {
	return slices.DeleteFunc(s.Ready(), func(p harness.Process) bool { return p.Release != dir })
}

// mustFailOnlyByItself fails the test if a request failed in any other way than that bad code said so.
func mustFailOnlyByItself(t *testing.T, r harness.Report) {
	t.Helper()
	harness.MustNotFail(t, harness.Report{Samples: r.Where(func(s harness.Sample) bool {
		return s.Err != nil || s.Status != http.StatusInternalServerError || !strings.HasPrefix(s.Body, "bad code v=2 ")
	})})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func TestRepairedReleaseTakesOverAfterABadOne(t *testing.T) {
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2)
	for version, bad := range []site.Release{{Exit: "no"}, {Boot: 100, Exit: "still no"}} {
		bad.Version = 2 + version
		s.Deploy(bad)
		harness.MustRestart(t, p, 1)
	}
	good := s.Deploy(site.Release{Version: 4})
	harness.MustRestart(t, p, 0)
	harness.MustOnlyLive(t, p, 2, good)
	if condition := p.Status(t, "app").Condition; condition != "up" {
		t.Errorf("after a release that works the condition is %q, not up", condition)
	}
}
