package reload

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// A bad app is one that cannot be served from the start on.
type badApp struct {
	name string
	root string   // "" = one that is not there
	keys []string // beside its root and its host
	want string   // what status says
}

// besideGood starts a purser with an app that serves and one that cannot be served, whose root is returned.
func besideGood(t *testing.T, b badApp) (p *harness.Purser, root string) {
	t.Helper()
	root = cmp.Or(b.root, filepath.Join(t.TempDir(), "bad"))
	good := harness.AppTable("good", harness.NewApp(t, "node").Dir, `hosts = ["good"]`, harness.Processes(1))
	bad := harness.AppTable("bad", root, append([]string{`hosts = ["bad"]`}, b.keys...)...)
	p = harness.Start(t, harness.Options{Config: harness.ServerTable() + good + bad})
	harness.Eventually(t, harness.ReadyLimit, "the good app serves", func() bool {
		s, err := p.FetchStatus(t.Context(), "good")
		return err == nil && len(s.Ready()) == 1
	})
	return p, root
}

func visit(t *testing.T, p *harness.Purser, host string) harness.Answer {
	t.Helper()
	return harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
}

func TestABadAppKeepsNoGoodOneFromBeingServed(t *testing.T) {
	empty := harness.EmptyApp(t).Dir
	for _, b := range []badApp{
		{"no folder", "", nil, "does not exist"},
		{"no folder, and nothing is to run before it is asked for", "", []string{"min_processes = 0"}, "does not exist"},
		{"no startup file", empty, []string{`startup_file = "nothing.js"`}, "there is no startup file nothing.js"},
		{"nothing to start", empty, nil, "nothing in " + empty},
		{"no place for its log", empty, []string{`command = "sleep 9"`, `log = "/nowhere/app.log"`}, "cannot open the log /nowhere/app.log"},
		{"no such user", empty, []string{`command = "sleep 9"`, `user = "nosuchuser"`}, `there is no user "nosuchuser"`},
	} {
		t.Run(b.name, func(t *testing.T) {
			p, _ := besideGood(t, b)
			mustBeFailed(t, p, b.want)
			harness.MustSay(t, p.Run(harness.Within(t), "status").Stdout, "failed", b.want)
			if r := p.Run(harness.Within(t), "health"); r.Code != 1 || !strings.Contains(r.Stdout+r.Stderr, "bad: failed") {
				t.Errorf("health exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
			if r := p.Run(harness.Within(t), "restart", "bad"); r.Code != 1 || !strings.Contains(r.Stderr, b.want) {
				t.Errorf("a restart of it exits with %d: %s", r.Code, r.Stderr)
			}
			if a := visit(t, p, "good"); a.StatusCode != 200 {
				t.Errorf("the good app answers %d", a.StatusCode)
			}
		})
	}
}

// mustBeFailed is what everybody is told of the bad app.
func mustBeFailed(t *testing.T, p *harness.Purser, want string) {
	t.Helper()
	s := p.Status(t, "bad")
	if s.Condition != "failed" || s.Failure == nil || !strings.Contains(s.Failure.Reason, want) {
		t.Errorf("the bad app is %s: %+v\nwant a reason with %s", s.Condition, s.Failure, want)
	}
	if a := visit(t, p, "bad"); a.StatusCode != 503 || a.Header.Get("Purser-Error") != "start_failed" {
		t.Errorf("the bad app answers %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
	}
}

func TestABadAppIsServedOnceItIsMended(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, p *harness.Purser){
		"by itself": func(*testing.T, *harness.Purser) {},
		"by a restart": func(t *testing.T, p *harness.Purser) {
			if r := p.Run(harness.Within(t), "restart", "bad"); r.Code != 0 {
				t.Errorf("the restart exits with %d: %s", r.Code, r.Stderr)
			}
		},
		"by a reload": func(t *testing.T, p *harness.Purser) {
			if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
				t.Errorf("the reload exits with %d: %s", r.Code, r.Stderr)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, root := besideGood(t, badApp{})
			mustBeFailed(t, p, "does not exist")
			before := p.Status(t, "good").PIDs()
			if err := os.Symlink(harness.NewApp(t, "node").Dir, root); err != nil {
				t.Fatal(err)
			}
			ask(t, p)
			harness.Eventually(t, harness.ReadyLimit, "it is served", func() bool { return visit(t, p, "bad").StatusCode == 200 })
			if s := p.Status(t, "bad"); s.Failure != nil || s.Condition != "up" && s.Condition != "restarting" {
				t.Errorf("it is %s: %+v", s.Condition, s.Failure)
			}
			if now := p.Status(t, "good"); !harness.SamePIDs(before, now.Processes) {
				t.Errorf("the good app is now run by %v, and was by %v", now.PIDs(), before)
			}
			harness.MustSay(t, strings.Join(p.Log.Lines("app found: app=bad"), "\n"), `kind="node, by app.js"`)
		})
	}
}

func TestABadAppIsStoppedStartedAndRemovedAsAnyOther(t *testing.T) {
	p, root := besideGood(t, badApp{})
	if r := p.Run(harness.Within(t), "stop", "bad"); r.Code != 0 {
		t.Fatalf("stop exits with %d: %s", r.Code, r.Stderr)
	}
	harness.Eventually(t, harness.Patience, "it is stopped", func() bool { return p.Status(t, "bad").Condition == "stopped" })
	if r := p.Run(harness.Within(t), "start", "bad"); r.Code == 0 || !strings.Contains(r.Stderr, "does not exist") {
		t.Errorf("start exits with %d: %s", r.Code, r.Stderr)
	}
	if err := os.Symlink(harness.NewApp(t, "node").Dir, root); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "start", "bad"); r.Code != 0 {
		t.Errorf("start exits with %d: %s", r.Code, r.Stderr)
	}
	harness.Eventually(t, harness.ReadyLimit, "it is served", func() bool { return visit(t, p, "bad").StatusCode == 200 })
}

func TestAReloadBringsWhatItCanBesideABadApp(t *testing.T) {
	p, _ := besideGood(t, badApp{})
	text, err := os.ReadFile(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), `hosts = ["good"]`, `hosts = ["good", "better"]`, 1)
	edited = strings.Replace(edited, `hosts = ["bad"]`, `hosts = ["worse"]`, 1)
	if err := os.WriteFile(p.Config, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.Run(harness.Within(t), "reload")
	harness.MustSay(t, r.Stdout+r.Stderr, "good: changed in place: hosts", "does not exist")
	if a := visit(t, p, "better"); a.StatusCode != 200 {
		t.Errorf("the good app answers %d by its new host", a.StatusCode)
	}
	if a := visit(t, p, "worse"); a.StatusCode != 503 {
		t.Errorf("the bad app answers %d by its new host", a.StatusCode)
	}
	gone := strings.Split(edited, "[apps.bad]")[0]
	if err := os.WriteFile(p.Config, []byte(gone), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Errorf("the reload that removes it exits with %d: %s", r.Code, r.Stderr)
	}
	harness.Eventually(t, harness.Patience, "it is gone", func() bool {
		return p.AdminRequest(t, "GET", "/v1/apps/bad", nil).StatusCode == 404
	})
}

func TestOnlyBadAppsAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	p := harness.Start(t, harness.Options{Config: harness.ServerTable() + harness.AppTable("a", missing, `hosts = ["a"]`) + harness.AppTable("b", missing, `hosts = ["b"]`)})
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 2 {
		t.Errorf("it exits with %d (%v)", code, err)
	}
	harness.MustSay(t, p.Log.String(), `cannot serve app "a"`, `cannot serve app "b"`)
}

func TestACrashOfTheFrontLeavesABadAppAsItWas(t *testing.T) {
	p, _ := besideGood(t, badApp{})
	before := p.Status(t, "good").PIDs()
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "the bad app is told of again", func() bool {
		s, err := p.FetchStatus(t.Context(), "bad")
		return err == nil && s.Failure != nil && p.Front() != front
	})
	mustBeFailed(t, p, "does not exist")
	if now := p.Status(t, "good"); !harness.SamePIDs(before, now.Processes) {
		t.Errorf("the good app is now run by %v, and was by %v", now.PIDs(), before)
	}
}
