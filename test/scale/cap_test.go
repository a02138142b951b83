package scale

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// Invariant I16 from outside, at each look at the status: a hungry app never has what is kept for one that
// crashes, through restarts of it, and the one that crashes comes back each time.
func TestMinOfBothIsHeldAtACapWithAHungryAppBesideOneThatCrashes(t *testing.T) {
	for _, c := range []besideCrashes{
		{name: "at requests", crashing: site.Release{Version: 1, Boot: 50, Ends: "process"}},
		{name: "by itself", crashing: site.Release{Version: 1, Boot: 50, Life: 400}},
		{name: "beside processes kept for a rollback", crashing: site.Release{Version: 1, Ends: "process"},
			hungry: harness.RestartTable("surge = 2", `rollback_window = "2s"`)},
	} {
		t.Run(c.name, c.test)
	}
}

// besideCrashes are two apps under a cap that is too small for what one of them wants.
type besideCrashes struct {
	name     string
	crashing site.Release
	hungry   string // further keys
}

const (
	capOfBoth = 6
	minOfEach = 2
)

func (c besideCrashes) test(t *testing.T) {
	t.Parallel()
	hungry, crashing := site.New(t, site.Release{Version: 1, Boot: 50}), site.New(t, c.crashing)
	text := harness.ServerTable(fmt.Sprintf("max_processes = %d", capOfBoth))
	add := func(name string, s site.Site, keys string) {
		text += harness.AppTable(name, s.Current(), fmt.Sprintf("command = [%q]", site.Program(t)), fmt.Sprintf("min_processes = %d", minOfEach),
			"max_processes = 10", "concurrency = 1", "max_queue = 0", fmt.Sprintf("hosts = [%q]", name+".example"), strings.ReplaceAll(keys, "apps.app.", "apps."+name+"."))
	}
	add("hungry", hungry, c.hungry)
	add("crashing", crashing, "")
	p := harness.Serve(t, harness.Options{Config: text})
	harness.Eventually(t, harness.Patience, "the hungry app is ready", func() bool { return len(p.Status(t, "hungry").Ready()) == minOfEach })
	load := harness.Load{Addr: p.Addr, Host: "hungry.example", Path: "/slow?ms=200", Rate: 18}.Begin()
	defer load.End()
	crashes := harness.Load{Addr: p.Addr, Host: "crashing.example", Rate: 3}.Begin()
	defer crashes.End()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var looking sync.WaitGroup
	looks := 0
	looking.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			if wrong := overTheCap(ctx, p); wrong != "" {
				t.Error(wrong)
			}
			looks++
		}
	})
	for version := 2; version <= 5; version++ {
		hungry.Deploy(site.Release{Version: version, Boot: 50})
		harness.StartCommand(t, p, "restart", "hungry").MustExit(t, 0)
		harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+40)
	}
	stop()
	looking.Wait()
	report := load.End()
	harness.MustNotFail(t, report)
	t.Logf("%d crashes, %d looks; %v", len(p.Log.Lines("process crashed")), looks, report)
	_ = crashes.End()
	crashing.Deploy(site.Release{Version: 2})
	harness.StartCommand(t, p, "restart", "crashing").MustExit(t, 0)
	if n := len(p.Status(t, "crashing").Ready()); n < minOfEach {
		t.Errorf("once it is mended, %d processes of the other app are ready", n)
	}
}

// overTheCap is what is wrong with the processes of both apps at one look, or "".
func overTheCap(ctx context.Context, p *harness.Purser) string {
	hungry, err := p.FetchStatus(ctx, "hungry")
	if err != nil {
		return ""
	}
	crashing, err := p.FetchStatus(ctx, "crashing")
	if err != nil {
		return ""
	}
	most := capOfBoth - minOfEach
	if harness.RestartState(hungry) == "running" {
		most += 2 // restart.surge, or less
	}
	kept := func(p harness.Process) bool { // beside the others, within the surge, until there is no room
		return p.State == "standby" || p.State == "stopping" && p.Generation < hungry.Generation
	}
	if n := len(slices.DeleteFunc(slices.Clone(hungry.Processes), kept)); n > most {
		return fmt.Sprintf("the hungry app has %d processes\n%s", n, harness.Describe(hungry))
	}
	if n := len(hungry.Ready()); n < minOfEach {
		return fmt.Sprintf("the hungry app has %d ready\n%s", n, harness.Describe(hungry))
	}
	// After failures it is one at first, and then the rest.
	if len(crashing.Processes) == 0 && crashing.RetryAt == nil {
		return "the crashing app has no process, and does not wait to try again\n" + harness.Describe(crashing)
	}
	return ""
}
