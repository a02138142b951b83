package test

import (
	"slices"
	"testing"
	"time"

	"purser/test/harness"
)

// The symlink flips between the two orders, and once more while the second one's processes start: that
// last release nobody has asked for, so nobody may see it.
func TestTwoRestartsWithTheSymlinkFlippedBetweenThemEndOnTheNewest(t *testing.T) {
	const n = 24
	s := newSite(t, release{Version: 1})
	p := s.serve(n, `affinity = "forward"`, restartTable("surge = 2"))
	old := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	pinned := visit(t, p, 20, 60*time.Millisecond)
	capacity := observe(t, p, fewerReadyThan(n))
	awaitAnswers(t, load, 200)

	s.deploy(release{Version: 2, Boot: 20})
	first := order(t, p, "restart", "app")
	awaitGeneration(t, p, 2)
	<-time.After(50 * time.Millisecond) // which is the story
	wanted := s.deploy(release{Version: 3, Boot: 100})
	second := order(t, p, "restart", "app")
	awaitGeneration(t, p, 3)
	s.deploy(release{Version: 4})
	first.mustExit(t, 3)
	result := second.mustExit(t, 0)
	done := time.Now()

	mustOnlyLive(t, p, n, wanted)
	mustBeGone(t, old)
	awaitAnswers(t, load, len(load.SoFar().Samples)+200)
	pinned.end()
	report := load.End()
	mustNotFail(t, report)
	for _, late := range report.Where(func(s harness.Sample) bool { return s.Due.After(done) && wordIn(s.Body, "v") != "3" }) {
		t.Errorf("a request sent %v after the restart was done got %q", late.Due.Sub(done), late.Body)
	}
	if ahead, seen := report.First("v=4 "); seen {
		t.Errorf("a release that nobody asked for has answered: %q", ahead.Body)
	}
	_, middle := report.First("v=2 ")
	t.Logf("%v; the second restart took %v; did the first one's code answer: %v; the ready processes were counted %d times",
		report, result.Took.Round(time.Millisecond), middle, capacity.end())
}

func TestRestartsAtTheSameInstantAreEachAnsweredAndNoneIsLost(t *testing.T) {
	s := newSite(t, release{Version: 1})
	p := s.serve(4, restartTable("surge = 2"))
	wanted := s.deploy(release{Version: 2, Boot: 1000}) // so that none is done before all are ordered
	const orders = 8
	var all []ordered
	for range orders {
		all = append(all, order(t, p, "restart", "app"))
	}
	var codes []int
	for _, o := range all {
		result := <-o.result
		codes = append(codes, result.Code)
	}
	slices.Sort(codes)
	if want := append([]int{0}, slices.Repeat([]int{3}, orders-1)...); !slices.Equal(codes, want) {
		t.Errorf("the orders exited with %v, not one with 0 and the others with 3 (superseded)", codes)
	}
	if generation := p.Status(t, "app").Generation; generation != 1+orders {
		t.Errorf("after %d restarts the generation is %d: one was lost, or was done twice", orders, generation)
	}
	mustOnlyLive(t, p, 4, wanted)
}
