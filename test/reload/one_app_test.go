package reload

import (
	"slices"
	"testing"

	"purser/test/harness"
)

func TestOneAppStopsStartsAndIsScaledAndTheOthersNoticeNothing(t *testing.T) {
	l := newLand(t, "blog", "shop")
	load, pids := l.load("shop", 200), l.pids("shop")
	slow := harness.Dial(t, l.p)
	slow.Send("POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 4\r\n\r\nab")
	l.runs(0, "stop", "blog", "--no-wait")
	if a := l.get("blog"); a.StatusCode != 503 || a.Header.Get("Purser-Error") != "stopped" {
		t.Errorf("a stopped app is answered with %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
	}
	slow.Send("cd")
	harness.MustBeAnswered(t, slow)
	harness.MustSay(t, l.runs(0, "stop", "blog").Stdout, "blog has stopped")
	harness.MustSay(t, l.runs(0, "status").Stdout, "stopped")
	l.runs(0, "health")
	l.runs(1, "health", "blog")
	harness.MustSay(t, l.runs(1, "restart", "blog").Stderr, "has stopped the app")
	l.apps["blog"] = []string{"env.A = \"new\""}
	harness.MustSay(t, l.reloads(1).Stderr, "blog is stopped; its next start has the new configuration")
	if s := l.p.Status(t, "blog"); s.Condition != "stopped" || len(s.Processes) > 0 {
		t.Errorf("after a reload it is %s", harness.Describe(s))
	}
	l.runs(0, "start", "blog")
	l.await("blog", 2)
	for _, pid := range l.pids("blog") {
		if environment(t, pid)["A"] != "new" {
			t.Errorf("process %d does not have the new configuration", pid)
		}
	}
	l.runs(0, "scale", "blog", "4")
	l.await("blog", 4)
	l.runs(0, "scale", "blog", "1")
	l.await("blog", 1)
	l.runs(2, "scale", "blog", "0")
	if now := l.pids("shop"); !slices.Equal(now, pids) {
		t.Errorf("the other app's processes were %v and are %v", pids, now)
	}
	harness.MustNotFail(t, load.End())
	past := l.runs(0, "history").Stdout
	for _, what := range []string{"reload", "start", "stop", "scale", "4 processes", "1 process"} {
		harness.MustSay(t, past, what)
	}
}

func TestStoppedAndScaledAppsAreSoAfterARestartOfPurser(t *testing.T) {
	l := newLand(t, "blog", "shop")
	l.runs(0, "stop", "blog")
	l.runs(0, "scale", "shop", "3")
	l.await("shop", 3)
	if _, err := l.p.Stop(harness.Patience); err != nil {
		t.Fatal(err)
	}
	l.p = harness.Serve(t, harness.Options{Config: l.text("$LISTEN"), After: l.p})
	l.await("shop", 3)
	if s := l.p.Status(t, "blog"); s.Condition != "stopped" || len(s.Processes) > 0 {
		t.Errorf("it is %s", harness.Describe(s))
	}
	if a := l.get("blog"); a.StatusCode != 503 || a.Header.Get("Purser-Error") != "stopped" {
		t.Errorf("a stopped app is answered with %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
	}
	l.apps["shop"] = []string{"max_queue = 5"}
	l.reloads(0)
	l.await("shop", 3)
	l.apps["shop"] = []string{"min_processes = 2", "max_processes = 5"}
	harness.MustSay(t, l.reloads(0).Stdout, "min_processes")
	if _, err := l.p.Stop(harness.Patience); err != nil {
		t.Fatal(err)
	}
	l.p = harness.Serve(t, harness.Options{Config: l.text("$LISTEN"), After: l.p})
	l.await("shop", 2)
	l.runs(0, "start", "blog")
	if a := l.get("blog"); a.StatusCode != 200 {
		t.Errorf("it answers %d", a.StatusCode)
	}
}
