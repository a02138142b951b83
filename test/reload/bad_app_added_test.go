package reload

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// write has the configuration of a purser be a [server] table and these tables.
func write(t *testing.T, p *harness.Purser, tables ...string) {
	t.Helper()
	text := strings.ReplaceAll(harness.ServerTable(), "$LISTEN", p.Addr) + strings.Join(tables, "")
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a reload brings is said for each app, and the exit code says that it is not all.
func TestAReloadThatAddsABadAppBringsTheGoodOnesBesideIt(t *testing.T) {
	t.Parallel()
	blog := harness.AppTable("blog", harness.NewApp(t, "node").Dir, `hosts = ["blog"]`, harness.Processes(1))
	shop := harness.AppTable("shop", harness.NewApp(t, "node").Dir, `hosts = ["shop"]`, harness.Processes(1))
	root := filepath.Join(t.TempDir(), "bad")
	bad := harness.AppTable("bad", root, `hosts = ["bad"]`)
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + blog})
	write(t, p, blog, shop, bad)

	dry := p.Run(harness.Within(t), "reload", "--dry-run")
	if dry.Code != 1 || !strings.Contains(dry.Stderr, "bad cannot be served, and is tried again: the folder "+root+" does not exist") {
		t.Errorf("the dry run exits with %d: %s%s", dry.Code, dry.Stdout, dry.Stderr)
	}
	r := p.Run(harness.Within(t), "reload", "--json")
	first, _, _ := strings.Cut(r.Stdout, "\n")
	var said struct{ Unserved, Problems []string }
	if err := json.Unmarshal([]byte(first), &said); err != nil || r.Code != 1 || !slices.Equal(said.Unserved, []string{"bad"}) || len(said.Problems) != 1 {
		t.Errorf("the reload exits with %d (%v): %s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	if a := visit(t, p, "shop"); a.StatusCode != 200 {
		t.Errorf("the good app beside it answers %d", a.StatusCode)
	}
	mustBeFailed(t, p, "does not exist")
	if err := os.Symlink(harness.NewApp(t, "node").Dir, root); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.ReadyLimit, "it is served by itself once it is mended", func() bool { return visit(t, p, "bad").StatusCode == 200 })
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 || !strings.Contains(r.Stdout, "Nothing to change") {
		t.Errorf("another reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// The kinds of bad apps are those of a start.
func TestWhateverIsBadAboutANewAppConcernsThatAlone(t *testing.T) {
	t.Parallel()
	empty := harness.EmptyApp(t).Dir
	blog := harness.AppTable("blog", harness.NewApp(t, "node").Dir, `hosts = ["blog"]`, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + blog})
	for i, b := range []badApp{
		{"", "", nil, "does not exist"},
		{"", empty, nil, "nothing in " + empty},
		{"", empty, []string{`command = "sleep 9"`, `log = "/nowhere/app.log"`}, "cannot open the log /nowhere/app.log"},
		{"", empty, []string{`command = "sleep 9"`, `user = "nosuchuser"`}, `there is no user "nosuchuser"`},
	} {
		if b.root == "" {
			b.root = filepath.Join(empty, "gone")
		}
		name := string(rune('a'+i)) + ".example"
		write(t, p, strings.Replace(blog, `["blog"]`, `["blog", "`+name+`"]`, 1), harness.AppTable("bad", b.root, append([]string{`hosts = ["bad"]`}, b.keys...)...))
		if r := p.Run(harness.Within(t), "reload"); r.Code != 1 || !strings.Contains(r.Stderr, b.want) || !strings.Contains(r.Stdout, "blog: changed in place: hosts") {
			t.Errorf("the reload exits with %d: %s%s\nwant %q", r.Code, r.Stdout, r.Stderr, b.want)
		}
		mustBeFailed(t, p, b.want)
		if a := visit(t, p, name); a.StatusCode != 200 {
			t.Errorf("the good app answers %d by its new host", a.StatusCode)
		}
	}
}

func TestAnAppThatBecomesBadGoesOnAsItWas(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node").Dir
	blog := harness.AppTable("blog", app, `hosts = ["blog"]`, harness.Processes(1))
	shop := harness.AppTable("shop", harness.NewApp(t, "node").Dir, `hosts = ["shop"]`, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + blog + shop})
	harness.Eventually(t, harness.ReadyLimit, "it serves", func() bool { return len(p.Status(t, "blog").Ready()) == 1 })
	before := p.Status(t, "blog").PIDs()
	moved := filepath.Join(t.TempDir(), "moved")
	next := harness.AppTable("blog", moved, `hosts = ["blog", "news"]`, harness.Processes(1))
	write(t, p, next, strings.Replace(shop, `["shop"]`, `["shop", "store"]`, 1))

	r := p.Run(harness.Within(t), "reload")
	if r.Code != 1 || !strings.Contains(r.Stderr, "blog goes on with its configuration from before: the folder "+moved+" does not exist") {
		t.Errorf("the reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	harness.MustSay(t, r.Stdout, "blog: not changed", "shop: changed in place: hosts")
	harness.MustSay(t, p.Run(harness.Within(t), "status").Stdout, "blog goes on with its configuration from before")
	for host, want := range map[string]int{"blog": 200, "news": 404, "store": 200} {
		if a := visit(t, p, host); a.StatusCode != want {
			t.Errorf("%s is answered with %d, not %d", host, a.StatusCode, want)
		}
	}
	if now := p.Status(t, "blog"); !harness.SamePIDs(before, now.Processes) {
		t.Errorf("it is now run by %v, and was by %v", now.PIDs(), before)
	}
	if r := p.Run(harness.Within(t), "restart", "blog"); r.Code != 0 {
		t.Errorf("a restart of it exits with %d: %s", r.Code, r.Stderr)
	}
	if err := os.Symlink(harness.NewApp(t, "node").Dir, moved); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Errorf("the reload once it is mended exits with %d: %s", r.Code, r.Stderr)
	}
	if a := visit(t, p, "news"); a.StatusCode != 200 {
		t.Errorf("its new host is answered with %d", a.StatusCode)
	}
}

// An app that goes on as it was keeps what another is to have: then nothing can be used.
func TestWhatABadAppKeepsIsNoOthers(t *testing.T) {
	t.Parallel()
	blog := harness.AppTable("blog", harness.NewApp(t, "node").Dir, `hosts = ["blog"]`, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + blog})
	write(t, p, harness.AppTable("blog", "/nowhere", `hosts = ["old"]`), harness.AppTable("shop", harness.NewApp(t, "node").Dir, `hosts = ["blog"]`))
	if r := p.Run(harness.Within(t), "reload"); r.Code != 2 || !strings.Contains(r.Stderr, "the folder /nowhere does not exist") {
		t.Errorf("the reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if a := visit(t, p, "blog"); a.StatusCode != 200 {
		t.Errorf("it is answered with %d", a.StatusCode)
	}
}
