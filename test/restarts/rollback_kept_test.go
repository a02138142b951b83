package restarts

import (
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// What somebody has rolled back must not come back because the machine, or purser, was started again.
func TestRollbackOutlivesPurser(t *testing.T) {
	const n = 2
	s := site.New(t, site.Release{Version: 1})
	good := site.CurrentOf(t, s)
	first := s.Serve(n)
	bad := s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, first, 0)
	harness.StartCommand(t, first, "rollback", "app", "--reason", "slow").MustExit(t, 0)
	if code, err := first.Stop(harness.Patience); code != 0 || err != nil {
		t.Fatalf("purser ended with %d, %v", code, err)
	}

	program, err := harness.SiteProgram()
	if err != nil {
		t.Fatal(err)
	}
	config := harness.Config(s.Current(), `command = ["`+program+`"]`, harness.Processes(n))
	next := harness.Serve(t, harness.Options{Config: config, After: first})
	harness.AwaitReady(t, next, n)
	mustServe(t, next, n, good)
	if status := next.Detail(t, "app"); status.Condition != "rolled-back" || len(status.NeedsRestart) != 0 {
		t.Errorf("it is %s, and needs %v", status.Condition, status.NeedsRestart)
	}
	harness.MustSay(t, next.Run(harness.Within(t), "restart", "--marked").Stdout, "needs")
	mustServe(t, next, n, good)

	harness.StartCommand(t, next, "stop", "app").MustExit(t, 0)
	harness.StartCommand(t, next, "start", "app").MustExit(t, 0)
	harness.AwaitReady(t, next, n)
	mustServe(t, next, n, good)

	harness.MustRestart(t, next, 0)
	harness.MustOnlyLive(t, next, n, bad)
	harness.Eventually(t, harness.Patience, "nothing is held back any more", func() bool { return next.Status(t, "app").Condition == "up" })
}
