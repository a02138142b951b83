package upgrade

import (
	"os"
	"slices"
	"strconv"
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

// A process that becomes a fork source just then is given up.
func TestAnUpgradeInTheMiddleOfARefork(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "ruby")
	if err := os.Mkdir(app.Path("config"), 0o755); err != nil {
		t.Fatal(err)
	}
	app.Write("config/puma.rb", "on_refork { File.write('becomes', Process.pid.to_s); sleep 0.01 until File.exist?('go') }\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true", "preload_refork = 20")})
	harness.AwaitReady(t, p, 2)
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	becomes := 0
	harness.Eventually(t, harness.Patience, "a process becomes the fork source", func() bool {
		text, _ := os.ReadFile(app.Path("becomes"))
		becomes, _ = strconv.Atoi(string(text))
		return becomes > 0
	})
	upgradeToNext(t, p)
	p.AwaitNoOldFronts(t)
	app.Write("go", "")
	harness.MustBeGone(t, []int{becomes})
	harness.AwaitReady(t, p, 2)
	for _, goesOn := range p.Status(t, "app").Ready() { // which the next front cannot make a source, and which would have all requests
		harness.MustReplaceKilled(t, p, 2, goesOn.PID)
	}
	harness.Eventually(t, harness.Patience, "it is done by the next front", func() bool {
		sources := p.Sources(t, "app")
		return len(sources) == 1 && sources[0].Answered >= 20
	})
	load.End()
}
