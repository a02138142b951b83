package restarts

import (
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// An asideRelease is a release that does not serve, or hardly, when purser ends. It must not come to serve by that.
type asideRelease struct {
	name      string
	is        site.Release
	keys      string // further ones of the app
	canary    string
	condition string // of the app afterwards
	says      string
}

// What purser knows of code must not end with it: a machine that starts again is no deployment.
func TestOldReleaseServesWhenPurserIsStartedAgainBesideABadOneOrACanary(t *testing.T) {
	for _, a := range []asideRelease{
		{name: "exits at boot", is: site.Release{Exit: "there is no table users"}, condition: "resisting", says: "exited with status 1"},
		{name: "hangs in boot", is: site.Release{Hang: true}, keys: `start_timeout = "1500ms"`, condition: "resisting", says: "1.5s"},
		{name: "answers badly", is: site.Release{BadEvery: 5}, keys: harness.HealthTable(`probation = "20s"`), condition: "resisting", says: "answers were errors"},
		{name: "waits at its canary", canary: "1", condition: "rolled-back", says: "its canary was not promoted"},
	} {
		for name, signal := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
			t.Run(a.name+", purser "+name, func(t *testing.T) {
				t.Parallel()
				a.test(t, signal)
			})
		}
	}
}

func (a asideRelease) test(t *testing.T, signal syscall.Signal) {
	const n = 2
	s := site.New(t, site.Release{Version: 1})
	good := site.CurrentOf(t, s)
	first := s.Serve(n, a.keys)
	load := harness.Load{Addr: first.Addr, Rate: 60}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 60)
	a.is.Version = 2
	newest := s.Deploy(a.is)
	if a.canary != "" {
		harness.MustRestart(t, first, 0, "--canary", a.canary)
	} else {
		harness.MustRestart(t, first, 1)
		site.AwaitNote(t, s, 2)
	}
	load.End()
	first.Signal(signal)
	if _, err := first.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}

	config := harness.Config(s.Current(), `command = ["`+site.Program(t)+`"]`, harness.Processes(n), a.keys)
	next := harness.Serve(t, harness.Options{Config: config, After: first})
	harness.Eventually(t, harness.Patience, "the old release serves", func() bool { return len(oldReady(next.Status(t, "app"), good)) == n })
	mustServe(t, next, n, good)
	status := next.Status(t, "app")
	if status.Condition != a.condition || status.Failure == nil || !strings.Contains(status.Failure.Reason, a.says) {
		t.Errorf("it is %s, for %+v", status.Condition, status.Failure)
	}
	if a.is.Exit == "" {
		return
	}
	// What did not start is tried again, and takes over once it starts, which the next purser knows as well.
	harness.WriteFile(t, newest, "release.json", `{"version": 2}`)
	takenOver := func(p *harness.Purser) bool { return len(oldReady(p.Status(t, "app"), newest)) == n }
	harness.Eventually(t, 2*harness.ReadyLimit, "the mended release takes over", func() bool { return takenOver(next) })
	if _, err := next.Stop(harness.Patience); err != nil {
		t.Fatal(err)
	}
	last := harness.Serve(t, harness.Options{Config: config, After: next})
	harness.Eventually(t, harness.Patience, "it serves again", func() bool { return takenOver(last) })
	if condition := last.Status(t, "app").Condition; condition != "up" {
		t.Errorf("in the end it is %s", condition)
	}
}
