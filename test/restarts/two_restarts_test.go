package restarts

import (
	"slices"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// The symlink flips between the two orders, and once more while the second one's processes start: that
// last release nobody has asked for, so nobody may see it.
func TestTwoRestartsWithTheSymlinkFlippedBetweenThemEndOnTheNewest(t *testing.T) {
	const n = 24
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, `affinity = "forward"`, harness.RestartTable("surge = 2"))
	old := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	pinned := visit(t, p, 20, 60*time.Millisecond)
	capacity := harness.Observe(t, p, harness.FewerReadyThan(n))
	harness.AwaitAnswers(t, load, 200)

	s.Deploy(site.Release{Version: 2, Boot: 20})
	first := harness.StartCommand(t, p, "restart", "app")
	harness.AwaitGeneration(t, p, 2)
	<-time.After(50 * time.Millisecond) // which is the story
	wanted := s.Deploy(site.Release{Version: 3, Boot: 100})
	second := harness.StartCommand(t, p, "restart", "app")
	harness.AwaitGeneration(t, p, 3)
	s.Deploy(site.Release{Version: 4})
	first.MustExit(t, 3)
	result := second.MustExit(t, 0)
	done := time.Now()

	harness.MustOnlyLive(t, p, n, wanted)
	harness.MustBeGone(t, old)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	pinned.end()
	report := load.End()
	harness.MustNotFail(t, report)
	for _, late := range report.Where(func(s harness.Sample) bool { return s.Due.After(done) && harness.WordIn(s.Body, "v") != "3" }) {
		t.Errorf("a request sent %v after the restart was done got %q", late.Due.Sub(done), late.Body)
	}
	if ahead, seen := report.First("v=4 "); seen {
		t.Errorf("a release that nobody asked for has answered: %q", ahead.Body)
	}
	_, middle := report.First("v=2 ")
	t.Logf("%v; the second restart took %v; did the first one's code answer: %v; the ready processes were counted %d times",
		report, result.Took.Round(time.Millisecond), middle, capacity.End())
}

func TestRestartsAtTheSameInstantAreEachAnsweredAndNoneIsLost(t *testing.T) {
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(4, harness.RestartTable("surge = 2"))
	wanted := s.Deploy(site.Release{Version: 2, Boot: 1000}) // so that none is done before all are ordered
	const orders = 8
	var all []harness.Command
	for range orders {
		all = append(all, harness.StartCommand(t, p, "restart", "app"))
	}
	var codes []int
	for _, o := range all {
		result := <-o.Result
		codes = append(codes, result.Code)
	}
	slices.Sort(codes)
	if want := append([]int{0}, slices.Repeat([]int{3}, orders-1)...); !slices.Equal(codes, want) {
		t.Errorf("the orders exited with %v, not one with 0 and the others with 3 (superseded)", codes)
	}
	if generation := p.Status(t, "app").Generation; generation != 1+orders {
		t.Errorf("after %d restarts the generation is %d: one was lost, or was done twice", orders, generation)
	}
	harness.MustOnlyLive(t, p, 4, wanted)
}
