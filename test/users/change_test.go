package users

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// reload has the purser go by what its file says now, and returns what is told of the app.
func reload(t *testing.T, p *harness.Purser, tables ...string) (restart []string) {
	t.Helper()
	text := strings.ReplaceAll(harness.ServerTable(), "$LISTEN", p.Addr) + strings.Join(tables, "")
	must(t, os.WriteFile(p.Config, []byte(text), 0o600))
	r := p.Run(harness.Within(t), "reload", "--json")
	var said struct {
		Difference struct {
			Apps []struct{ Restart []string }
		}
	}
	first, _, _ := strings.Cut(r.Stdout, "\n") // how the restarts go follows
	if err := json.Unmarshal([]byte(first), &said); err != nil || r.Code != 0 {
		t.Fatalf("reload exits with %d (%v): %s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	if len(said.Difference.Apps) == 0 {
		return nil
	}
	return said.Difference.Apps[0].Restart
}

func TestAReloadThatChangesTheUserRestartsTheApp(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	if got := ask(t, p, "app").UID; got != games {
		t.Fatalf("it runs as %d", got)
	}
	if keys := reload(t, p, f.app("app", `user = "backup"`)); len(keys) != 1 || keys[0] != "user" {
		t.Errorf("the keys that a restart brings are %q", keys)
	}
	harness.AwaitRestart(t, p, "app", 2)
	if got := ask(t, p, "app").UID; got != backup {
		t.Errorf("it runs as %d after that", got)
	}
	if keys := reload(t, p, f.app("app", `user = "backup"`)); len(keys) != 0 {
		t.Errorf("nothing is changed, and %q are said to be", keys)
	}
}

func TestFilesThatAreAnothersNowComeWithAReload(t *testing.T) {
	f := newFolder(t, games)
	current := filepath.Join(filepath.Dir(f.dir), "current")
	must(t, os.Symlink(f.dir, current))
	f.dir = current
	p := serve(t, f.app("app"))
	next := f.release("next", www)
	harness.Symlink(t, next, current)
	r := p.Run(harness.Within(t), "restart", "app")
	if r.Code != 1 || !strings.Contains(r.Stdout+r.Stderr, "belongs to www-data, and this app runs as games") {
		t.Errorf("a restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if got := ask(t, p, "app").UID; got != games {
		t.Errorf("the old code runs as %d", got)
	}
	if keys := reload(t, p, f.app("app")); len(keys) != 1 || keys[0] != "user" {
		t.Errorf("the keys that a restart brings are %q", keys)
	}
	harness.Eventually(t, harness.ReadyLimit, "the new code serves as its user", func() bool { return ask(t, p, "app").UID == www })
}

// It is started by another file, too: that is looked at before the files of the old way are missed.
func TestAReleaseOfAnotherOwnerAndOfAnotherKindSaysWhoseItIs(t *testing.T) {
	l := newLinked(t, games)
	p := serve(t, l.app("app"))
	mustSay(t, p, "app", "uid 5 by first")
	next := l.release("next", www)
	harness.Symlink(t, next, l.link)
	r := p.Run(harness.Within(t), "restart", "app")
	if r.Code != 1 || !strings.Contains(r.Stdout+r.Stderr, "app.js belongs to www-data, and this app runs as games") {
		t.Errorf("a restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	l.deploy("third", "exec node web.js third", games)
	if r := p.Run(harness.Within(t), "restart", "app"); r.Code != 0 {
		t.Errorf("a restart to its own files exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	mustSay(t, p, "app", "uid 5 by third")
}
