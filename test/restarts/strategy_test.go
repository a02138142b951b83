package restarts

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#2476, #2483, #3484 ("phased" that silently is hot, or is off because of WEB_CONCURRENCY), PM2's reload in
// fork mode, gunicorn's and unicorn's HUP with preload: the strategy that is shown is the one that is used.
func TestStrategyShownIsTheStrategyUsed(t *testing.T) {
	for _, strategy := range []string{"rolling", "blocking", "blue-green"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			meeting := t.TempDir()
			s := site.New(t, site.Release{Version: 1, Exclusive: meeting})
			p := s.Serve(3, `env = { WEB_CONCURRENCY = "1" }`, "concurrency = 1")
			mixed := 0 // looks that have found both generations ready
			look := harness.Observe(t, p, func(s harness.Status) string {
				count := map[int]int{}
				for _, p := range s.Ready() {
					count[p.Generation]++
				}
				if len(count) > 1 {
					mixed++
				}
				return ""
			})
			wanted := s.Deploy(site.Release{Version: 2, Boot: 250, Exclusive: meeting})
			harness.MustRestart(t, p, 0, "--strategy", strategy)
			look.End()
			harness.MustAllBe(t, p, 3, 2, wanted)

			d := p.Detail(t, "app").Restart
			if d.Strategy != strategy {
				t.Errorf("status says that it was %s", d.Strategy)
			}
			met, err := filepath.Glob(meeting + "/met-*")
			if err != nil {
				t.Fatal(err)
			}
			if together := len(met) > 0; together == (strategy == "blocking") {
				t.Errorf("with %s %d processes have met those of another version", strategy, len(met))
			}
			if (mixed > 0) != (strategy == "rolling") {
				t.Errorf("with %s both generations were at work in %d looks", strategy, mixed)
			}
			switched := slices.ContainsFunc(d.Steps, func(s harness.Step) bool { return s.What == "switched" })
			if switched != (strategy == "blue-green") {
				t.Errorf("with %s these are the steps: %+v", strategy, d.Steps)
			}
		})
	}
}

// The same threads: what cannot be done is refused with a reason, or is told to be done otherwise.
func TestStrategyThatIsImpossibleIsRefusedAndAChangeIsTold(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2)
	for _, args := range [][]string{{"--strategy", "phased"}, {"--strategy", "blocking", "--canary", "1"}, {"--canary", "0"}} {
		if result := harness.MustRestart(t, p, 2, args...); result.Stderr == "" || result.Stdout != "" {
			t.Errorf("%v is refused with %q %q", args, result.Stderr, result.Stdout)
		}
	}
	a := p.AdminRequest(t, http.MethodPost, "/v1/apps/app/restarts", strings.NewReader(`{"strategy":"hot"}`))
	if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Body, "blue-green") {
		t.Errorf("an unknown strategy is answered with %d %s", a.StatusCode, a.Body)
	}
	if g := p.Status(t, "app").Generation; g != 1 {
		t.Errorf("what was refused has led to generation %d", g)
	}

	s.Deploy(site.Release{Version: 2, Boot: 500})
	first := harness.StartCommand(t, p, "restart", "app", "--strategy", "blocking")
	harness.AwaitState(t, p, 2, "spawning")
	s.Deploy(site.Release{Version: 3})
	second := harness.MustRestart(t, p, 0, "--strategy", "rolling")
	first.MustExit(t, 3)
	harness.MustSay(t, second.Stdout, "supersedes a blocking restart")
	if used := p.Detail(t, "app").Restart.Strategy; used != "blocking" {
		t.Errorf("the restart that superseded a blocking one is shown as %s", used)
	}
}

// puma#574, #700, #857, #1861, uwsgi#2001: one at a time takes for ever. With a surge so many boot at once.
func TestSurgeBootsSoManyAtOnceAndNoMore(t *testing.T) {
	t.Parallel()
	const n, surge = 6, 3
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, "concurrency = 1", harness.RestartTable(fmt.Sprintf("surge = %d", surge)))
	wanted := s.Deploy(site.Release{Version: 2, Boot: 600})
	look := harness.Observe(t, p, func(s harness.Status) string {
		spawning := 0 // what is on its way out may take its time
		for _, p := range s.Processes {
			if p.State == "spawning" {
				spawning++
			}
		}
		if spawning > surge || len(s.Ready())+spawning > n+surge || len(s.Ready()) < n {
			return "more than the surge, or less than there were"
		}
		return ""
	})
	harness.MustRestart(t, p, 0)
	look.End()
	harness.MustAllBe(t, p, n, 2, wanted)
	steps := p.Status(t, "app").Restart.Steps
	mustReplaceBySurge(t, steps, surge)
	if took, inAll := steps[len(steps)-1].At.Sub(steps[0].At), bootTime(steps); took >= inAll {
		t.Errorf("it took %v, as long as one boot after the other (%v)", took, inAll)
	}
}
