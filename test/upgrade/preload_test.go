package upgrade

import (
	"slices"
	"testing"

	"purser/test/harness"
)

// Forked processes are children of the keeper like all others: they go on, and so does their source.
func TestForkedProcessesGoOnInAnUpgrade(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "ruby")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true")})
	harness.AwaitReady(t, p, 2)
	before, source := harness.SortedPIDs(p.Status(t, "app").Ready()), p.Sources(t, "app")[0].PID
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	harness.AwaitAnswers(t, load, 20)
	upgradeToNext(t, p)
	p.AwaitNoOldFronts(t)
	if now := p.Sources(t, "app"); len(now) != 1 || now[0].PID != source || now[0].Forked != 2 {
		t.Errorf("the source was %d, and the sources are %+v", source, now)
	}
	if after := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(after, before) {
		t.Errorf("the processes were %v, and are %v", before, after)
	}
	app.Write("VERSION", "2")
	harness.MustRestart(t, p, 0)
	harness.MustNotFail(t, load.End())
	harness.MustBeGone(t, []int{source})
	if sources := p.Sources(t, "app"); len(sources) != 1 || sources[0].Forked != 2 {
		t.Errorf("the sources are %+v, want one that has forked twice", sources)
	}
}
