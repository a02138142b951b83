package front

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

const keepsAnswers = `cache.size = "16MiB"`

// TestNoPageOfOldCodeAfterADeploy: the pages say that they may be kept for an hour. Whoever asks after the first answer
// of new code has come gets new code's.
func TestNoPageOfOldCodeAfterADeploy(t *testing.T) {
	s := site.New(t, site.Release{Version: 1, Cache: "max-age=3600"})
	p := s.Serve(2, keepsAnswers, harness.RestartTable(`strategy = "blue-green"`))
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)
	for version := 2; version <= 4; version++ {
		s.Deploy(site.Release{Version: version, Cache: "max-age=3600", Boot: 200})
		harness.MustRestart(t, p, 0)
		harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+100)
	}
	report := load.End()
	harness.MustNotFail(t, report)
	for _, old := range []string{"1", "2", "3"} {
		first, found := report.First("v=" + string(old[0]+1))
		if !found {
			t.Fatalf("version %c was never seen", old[0]+1)
		}
		late := report.Where(func(s harness.Sample) bool {
			return s.Due.After(first.Answered()) && strings.HasPrefix(s.Body, "v="+old+" ")
		})
		if len(late) > 0 {
			t.Errorf("%d answers of version %s were sent to who had asked after the next one was seen", len(late), old)
		}
	}
	if c := cacheOf(t, p); c.Hits < 300 || c.Misses > 50 {
		t.Errorf("%d requests were answered from the cache, and %d by the app", c.Hits, c.Misses)
	}
	t.Log(report)
}

// TestPurge: what is purged is asked for again, and nothing else is.
func TestPurge(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	s := site.New(t, site.Release{Version: 1, Cache: "max-age=3600"})
	p := s.ServeUnder(harness.ServerTable(`access_log = "`+log+`"`, `access_log_format = "json"`), 1, keepsAnswers)
	ask := func(path, want string) {
		t.Helper()
		if got := harness.Get(t, p, path).Header.Get("Cache-Status"); !strings.HasPrefix(got, "purser; "+want) {
			t.Errorf("%s: Cache-Status is %q, want %s", path, got, want)
		}
	}
	for _, path := range []string{"/a", "/a?x=1", "/a/b", "/c"} {
		ask(path, "fwd=uri-miss; stored")
		ask(path, "hit")
	}
	purge := func(code int, says string, args ...string) {
		t.Helper()
		if r := p.Run(context.Background(), append([]string{"purge", "app"}, args...)...); r.Code != code || !strings.Contains(r.Stdout+r.Stderr, says) {
			t.Errorf("purser purge %v: exit code %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
	}
	purge(0, "pages forgotten: 2", "/a")
	ask("/a", "fwd=uri-miss")
	ask("/a?x=1", "fwd=uri-miss")
	ask("/a/b", "hit")
	purge(0, "pages forgotten: 1", "/a?x=1")
	ask("/a", "hit")
	purge(0, "pages forgotten: 2", "/a*")
	ask("/a?x=1", "fwd=uri-miss")
	ask("/c", "hit")
	purge(0, "pages forgotten: 2")
	ask("/c", "fwd=uri-miss")
	purge(2, "begins with /", "c")
	if status := p.Run(context.Background(), "status", "app"); !strings.Contains(status.Stdout, "% of") || !strings.Contains(status.Stdout, "  Cache   : ") {
		t.Errorf("purser status says nothing of the cache:\n%s", status.Stdout)
	}
	harness.Eventually(t, harness.Patience, "hits and misses are logged", func() bool {
		lines, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(lines), `"cached":"hit"`) && strings.Contains(string(lines), `"cached":"miss"`)
	})
}

func TestNoCacheIsNotPurged(t *testing.T) {
	s := site.New(t, site.Release{Version: 1, Cache: "max-age=3600"})
	p := s.Serve(1)
	if r := p.Run(context.Background(), "purge", "app"); r.Code == 0 || !strings.Contains(r.Stderr, "has no cache") {
		t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
	}
	if got := harness.Get(t, p, "/").Header.Get("Cache-Status"); got != "" {
		t.Errorf("Cache-Status is %q", got)
	}
}

type cacheStatus struct{ Held, Limit, Hits, Misses int64 }

func cacheOf(t *testing.T, p *harness.Purser) cacheStatus {
	t.Helper()
	var app struct{ Cache cacheStatus }
	if err := json.NewDecoder(strings.NewReader(p.AdminRequest(t, "GET", "/v1/apps/app", nil).Body)).Decode(&app); err != nil {
		t.Fatal(err)
	}
	return app.Cache
}
