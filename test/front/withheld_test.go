package front

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// This file is an app that is kept from its visitors: in maintenance, and in a pause.

// answersFrom are those of a load whose requests were due from then on.
func answersFrom(load *harness.Running, begin time.Time) (answers []harness.Sample) {
	return load.SoFar().Where(func(s harness.Sample) bool { return s.Due.After(begin) })
}

// awaitLater waits until so many requests are answered that were sent from now on, and expects how.
func awaitLater(t *testing.T, load *harness.Running, n int, status int) {
	t.Helper()
	begin := time.Now()
	harness.Eventually(t, harness.Patience, "requests are answered", func() bool { return len(answersFrom(load, begin)) >= n })
	for _, s := range answersFrom(load, begin) {
		if s.Status != status {
			t.Fatalf("a request is answered with %d %q (%v), not %d", s.Status, s.Body, s.Err, status)
		}
	}
}

func TestMaintenanceUnderLoadLosesNobody(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(2))
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 50)

	harness.StartCommand(t, p, "maintenance", "app", "on").MustExit(t, 0)
	awaitLater(t, load, 50, 503)
	mustRefuse(t, harness.Get(t, p, "/"), 503, "maintenance")
	harness.MustSay(t, p.Run(harness.Within(t), "status", "app").Stdout, "Visitors: in maintenance; to serve: purser maintenance app off")
	harness.MustSay(t, p.Run(harness.Within(t), "ls").Stdout, "maintenance")
	if code := p.Run(harness.Within(t), "health", "app").Code; code != 0 {
		t.Errorf("purser health exits with %d", code)
	}
	harness.StartCommand(t, p, "maintenance", "app", "off").MustExit(t, 0)
	awaitLater(t, load, 50, 200)

	app.Write("tmp/maintenance.txt", "Back at ten.")
	harness.Eventually(t, harness.Patience, "the file is seen", func() bool { return harness.Get(t, p, "/").StatusCode == 503 })
	awaitLater(t, load, 50, 503)
	harness.Eventually(t, harness.Patience, "visitors are told what it says, and the id of their request", func() bool {
		a := harness.Get(t, p, "/")
		return strings.Contains(a.Body, "Back at ten.") && strings.Contains(a.Body, a.Header.Get("X-Request-ID"))
	})
	stays := p.Run(harness.Within(t), "maintenance", "app", "off")
	harness.MustSay(t, stays.Stderr, "stays in maintenance, as its file is there", app.Path("tmp/maintenance.txt"))
	if err := os.Remove(app.Path("tmp/maintenance.txt")); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "the file is seen to be gone", func() bool { return harness.Get(t, p, "/").StatusCode == 200 })
	awaitLater(t, load, 50, 200)

	for _, s := range load.End().Samples {
		page := s.Status == 503 && strings.Contains(s.Body, "Reason: maintenance")
		if s.Err != nil || s.Status != 200 && !page {
			t.Fatalf("a visitor has got %d %q (%v)", s.Status, s.Body, s.Err)
		}
	}
}

func TestAPauseUnderLoadIsNoticedByNobodyThoughTheAppRestarts(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(2), "max_queue = 5000")
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 50)
	harness.StartCommand(t, p, "pause", "app").MustExit(t, 0)
	harness.Eventually(t, harness.Patience, "requests wait", func() bool { return p.Status(t, "app").Queue > 20 })
	harness.MustSay(t, p.Run(harness.Within(t), "status", "app").Stdout, "Visitors: paused,")
	answered := len(load.SoFar().Samples)
	harness.MustRestart(t, p, 0)
	if now := len(load.SoFar().Samples); now > answered {
		t.Errorf("%d requests are answered in the pause", now-answered)
	}
	harness.StartCommand(t, p, "resume", "app").MustExit(t, 0)
	awaitLater(t, load, 50, 200)
	harness.MustNotFail(t, load.End())
}

func TestAPauseIsBounded(t *testing.T) {
	p, _ := harness.ServeNode(t, "max_queue = 1", `queue_timeout = "1s"`)
	harness.StartCommand(t, p, "pause", "app").MustExit(t, 0)
	waits := harness.Dial(t, p)
	waits.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitQueue(t, p, 1)
	mustRefuse(t, harness.Get(t, p, "/"), 503, "paused")
	mustRefuse(t, waits.Answer("GET"), 503, "paused")
	harness.Eventually(t, harness.Patience, "the log says so", func() bool { return len(p.Log.Lines("reason=paused")) == 2 })
}

func TestTermInAPauseTellsWhoWaitsAtOnce(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.StartCommand(t, p, "pause", "app").MustExit(t, 0)
	waits := harness.Dial(t, p)
	waits.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitQueue(t, p, 1)
	begin := time.Now()
	p.Signal(syscall.SIGTERM)
	mustRefuse(t, waits.Answer("GET"), 503, "stopping")
	if code, err := p.Wait(harness.Within(t)); code != 0 || err != nil {
		t.Errorf("purser exited with %d (%v)", code, err)
	}
	if took := time.Since(begin); took > 30*time.Second { // drain_timeout is 60 s
		t.Errorf("the stop took %v", took)
	}
}

func TestAnAppThatPausesCanBeStopped(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.StartCommand(t, p, "pause", "app").MustExit(t, 0)
	waits := harness.Dial(t, p)
	waits.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitQueue(t, p, 1)
	harness.StartCommand(t, p, "stop", "app").MustExit(t, 0)
	mustRefuse(t, waits.Answer("GET"), 503, "stopped")
}

func TestMaintenanceAndAPauseOutlivePurserAndItsReload(t *testing.T) {
	blog, shop := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	config := harness.ServerTable() + harness.AppTable("blog", blog.Dir, harness.Processes(1), `hosts = ["blog"]`) +
		harness.AppTable("shop", shop.Dir, harness.Processes(1), `hosts = ["shop"]`, `queue_timeout = "200ms"`)
	first := harness.Serve(t, harness.Options{Config: config})
	harness.StartCommand(t, first, "maintenance", "blog", "on").MustExit(t, 0)
	harness.StartCommand(t, first, "pause", "shop").MustExit(t, 0)
	hold := func(p *harness.Purser) {
		t.Helper()
		for host, reason := range map[string]string{"blog": "maintenance", "shop": "paused"} {
			c := harness.Dial(t, p)
			c.Send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
			mustRefuse(t, c.Answer("GET"), 503, reason)
		}
	}
	hold(first)
	harness.StartCommand(t, first, "reload").MustExit(t, 0)
	hold(first)
	harness.StartCommand(t, first, "upgrade").MustExit(t, 0)
	hold(first)
	if code, err := first.Stop(harness.Patience); code != 0 || err != nil {
		t.Fatalf("purser ended with %d, %v", code, err)
	}
	next := harness.Serve(t, harness.Options{Config: config, After: first})
	hold(next)
	harness.StartCommand(t, next, "maintenance", "blog", "off").MustExit(t, 0)
	harness.StartCommand(t, next, "resume", "shop").MustExit(t, 0)
	for _, host := range []string{"blog", "shop"} {
		c := harness.Dial(t, next)
		c.Send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if a := c.Answer("GET"); a.StatusCode != 200 {
			t.Errorf("%s answers %d", host, a.StatusCode)
		}
	}
}
