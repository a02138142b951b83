package reload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// Purser starts without an app if files with some may come, and serves each as it comes and goes.
func TestPurserWaitsForItsFirstApp(t *testing.T) {
	l := &land{t: t}
	folder := t.TempDir()
	l.server = []string{`include = ["` + folder + `/*.toml"]`}
	l.p = harness.Start(t, harness.Options{Config: l.text("$LISTEN")})
	harness.Eventually(t, harness.Patience, "purser says where it can be asked", func() bool { return len(l.p.Log.Lines("admin api")) > 0 })
	harness.MustSay(t, strings.Join(l.p.Log.Lines("no app is configured yet"), ""), folder+"/*.toml", "purser reload")
	if a := l.get("blog"); a.StatusCode != 404 || a.Header.Get("Purser-Error") != "no_app" {
		t.Errorf("without an app, the answer is %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
	}
	harness.MustSay(t, l.runs(0, "status").Stdout, "App groups    : 0", folder+"/*.toml", "purser reload")
	harness.MustSay(t, l.runs(0, "ls").Stdout, folder+"/*.toml", "purser reload")
	harness.MustSay(t, l.runs(0, "health").Stdout, "no app is configured yet")
	harness.MustSay(t, l.runs(2, "restart", "blog").Stderr, `no app "blog"`, "no app is configured yet")
	harness.MustSay(t, l.runs(0, "restart", "--all").Stdout, "There is no app to restart.")
	harness.MustSay(t, l.runs(0, "reload").Stdout, "Nothing to change")

	l.puts(filepath.Join(folder, "blog.toml"), "blog")
	harness.MustSay(t, l.runs(0, "reload").Stdout, "blog: added")
	if a := l.get("blog"); a.StatusCode != 200 {
		t.Errorf("the app that came is answered with %d", a.StatusCode)
	}
	l.puts(filepath.Join(folder, "shop.toml"), "shop")
	harness.MustSay(t, l.runs(0, "reload").Stdout, "shop: added")
	if a := l.get("shop"); a.StatusCode != 200 {
		t.Errorf("the second app is answered with %d", a.StatusCode)
	}

	// A folder that is gone is a mistake: it takes nothing away.
	if err := os.Rename(folder, folder+".gone"); err != nil {
		t.Fatal(err)
	}
	harness.MustSay(t, l.runs(2, "reload").Stderr, "there is no folder "+folder)
	if a := l.get("blog"); a.StatusCode != 200 {
		t.Errorf("the app is answered with %d", a.StatusCode)
	}
	if err := os.Rename(folder+".gone", folder); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"blog", "shop"} {
		if err := os.Remove(filepath.Join(folder, name+".toml")); err != nil {
			t.Fatal(err)
		}
	}
	harness.MustSay(t, l.runs(0, "reload").Stdout, "blog: removed", "shop: removed")
	if a := l.get("blog"); a.StatusCode != 404 {
		t.Errorf("the app that is gone is answered with %d", a.StatusCode)
	}
}

func TestTheFirstAppIsNoticedWhereTheConfigurationIsWatched(t *testing.T) {
	l := &land{t: t}
	folder := t.TempDir()
	l.server = []string{`include = ["` + folder + `/*.toml"]`, "watch_config = true"}
	l.p = harness.Start(t, harness.Options{Config: l.text("$LISTEN")})
	harness.Eventually(t, harness.Patience, "purser says where it can be asked", func() bool { return len(l.p.Log.Lines("admin api")) > 0 })
	l.puts(filepath.Join(folder, "blog.toml"), "blog")
	l.await("blog", 2)
	if a := l.get("blog"); a.StatusCode != 200 {
		t.Errorf("the app that came is answered with %d", a.StatusCode)
	}
}

// puts writes a file with one app, as the configuration would have it.
func (l *land) puts(path, name string) {
	l.t.Helper()
	of := land{t: l.t, apps: map[string][]string{name: nil}}
	if err := os.WriteFile(path, []byte(of.tables()), 0o600); err != nil {
		l.t.Fatal(err)
	}
}
