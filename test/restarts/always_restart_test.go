package restarts

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"purser/test/harness"
)

func TestAlwaysRestartServesEachRequestWithCodeWrittenJustBefore(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, `environment = "development"`)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "1" {
		t.Fatalf("at first came %q", body)
	}
	app.Write("tmp/always_restart.txt", "")
	for version := 2; version <= 6; version++ {
		app.Write("VERSION", fmt.Sprint(version))
		if a := harness.Get(t, p, "/"); harness.WordIn(a.Body, "v") != fmt.Sprint(version) {
			t.Errorf("version %d was written, and then came %d %q", version, a.StatusCode, a.Body)
		}
	}

	app.Write("VERSION", "broken")
	if a := harness.Get(t, p, "/"); a.StatusCode != 503 || !strings.Contains(a.Body, "this release is broken") {
		t.Errorf("broken code was written, and then came %d %.300q, not what is wrong with it", a.StatusCode, a.Body)
	}
	app.Write("VERSION", "8")
	if a := harness.Get(t, p, "/"); harness.WordIn(a.Body, "v") != "8" {
		t.Errorf("it was repaired, and then came %d %.300q", a.StatusCode, a.Body)
	}

	app.Write("VERSION", "9") // a page and its parts, all at once
	var page sync.WaitGroup
	answers := make([]harness.Answer, 6)
	for i := range answers {
		w := harness.Dial(t, p)
		w.Send("GET /part HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
		page.Go(func() { answers[i], _, _ = w.TryAnswer("GET") })
	}
	page.Wait()
	for _, a := range answers {
		if harness.WordIn(a.Body, "v") != "9" {
			t.Errorf("a part of the page is %d %.300q", a.StatusCode, a.Body)
		}
	}

	if err := os.Remove(app.Path("tmp/always_restart.txt")); err != nil {
		t.Fatal(err)
	}
	harness.Get(t, p, "/") // whatever was under way
	generation := p.Status(t, "app").Generation
	app.Write("VERSION", "10")
	if a := harness.Get(t, p, "/"); harness.WordIn(a.Body, "v") != "9" || p.Status(t, "app").Generation != generation {
		t.Errorf("without the file came %q", a.Body)
	}
}

func TestAlwaysRestartIsIgnoredInProduction(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	app.Write("tmp/always_restart.txt", "")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1))})
	first := harness.Get(t, p, "/").Body
	app.Write("VERSION", "2")
	for range 5 {
		if body := harness.Get(t, p, "/").Body; body != first {
			t.Errorf("in production came %q after %q", body, first)
		}
	}
	if s := p.Status(t, "app"); s.Generation != 1 || s.Restart != nil {
		t.Errorf("in production it has led to generation %d", s.Generation)
	}
	if told := p.Log.Lines("always_restart.txt"); len(told) != 1 {
		t.Errorf("the log tells of it %d times: %v", len(told), told)
	}
}
