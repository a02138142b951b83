package users

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// servesBeside starts a purser of root with an app that serves beside these, and waits until it does.
func servesBeside(t *testing.T, tables ...string) *harness.Purser {
	t.Helper()
	p := harness.Start(t, harness.Options{Config: harness.ServerTable() + newFolder(t, www).app("good") + strings.Join(tables, ""), Users: true})
	harness.Eventually(t, harness.ReadyLimit, "the good app serves", func() bool {
		s, err := p.FetchStatus(t.Context(), "good")
		return err == nil && len(s.Ready()) > 0
	})
	return p
}

func mustFail(t *testing.T, p *harness.Purser, app, want string) {
	t.Helper()
	s := p.Status(t, app)
	if s.Condition != "failed" || s.Failure == nil || !strings.Contains(s.Failure.Reason, want) {
		t.Errorf("%s is %s: %+v\nwant a reason with %s", app, s.Condition, s.Failure, want)
	}
	a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+app+"\r\nConnection: close\r\n\r\n")
	if a.StatusCode != 503 || a.Header.Get("Purser-Error") != "start_failed" {
		t.Errorf("%s answers %d %s", app, a.StatusCode, a.Header.Get("Purser-Error"))
	}
}

func TestWhatIsWrongWithAnAppIsFoundByTheReaderAndKeepsNoOther(t *testing.T) {
	mixed, gone, quiet := newFolder(t, games), newFolder(t, games), newFolder(t, games)
	must(t, os.Chown(mixed.path("app.js"), www, www))
	must(t, os.RemoveAll(gone.dir))
	p := servesBeside(t, mixed.app("mixed"), gone.app("gone"), newFolder(t, games).app("nouser", `user = "nosuchuser"`),
		quiet.app("quiet", `log = "/nowhere/app.log"`))
	mustFail(t, p, "mixed", "app.js belongs to www-data, but the folder it is in")
	mustFail(t, p, "gone", "does not exist")
	mustFail(t, p, "nouser", `there is no user "nosuchuser" on this machine`)
	mustFail(t, p, "quiet", "cannot open the log /nowhere/app.log")
	before := p.Status(t, "good").PIDs()
	if r := p.Run(harness.Within(t), "reload"); !strings.Contains(r.Stderr, "nosuchuser") {
		t.Errorf("the reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	giveAll(t, mixed.dir, games)
	if r := p.Run(harness.Within(t), "restart", "mixed"); r.Code != 0 {
		t.Errorf("the restart exits with %d: %s", r.Code, r.Stderr)
	}
	if says := ask(t, p, "mixed"); says.UID != games {
		t.Errorf("it runs as %d", says.UID)
	}
	gone.release("app", backup)
	harness.Eventually(t, harness.ReadyLimit, "the app whose folder is there now is served", func() bool {
		return p.Status(t, "gone").Condition == "up"
	})
	if says := ask(t, p, "gone"); says.UID != backup {
		t.Errorf("it runs as %d", says.UID)
	}
	if now := p.Status(t, "good"); !harness.SamePIDs(before, now.Processes) {
		t.Errorf("the good app is now run by %v, and was by %v", now.PIDs(), before)
	}
}

func TestNoAppIsTriedAgainByAConfigurationThatNobodyHasReloaded(t *testing.T) {
	gone := newFolder(t, games)
	must(t, os.RemoveAll(gone.dir))
	p := servesBeside(t, gone.app("gone"))
	text, err := os.ReadFile(p.Config)
	must(t, err)
	must(t, os.WriteFile(p.Config, append(text, "# edited\n"...), 0o600))
	gone.release("app", games)
	if r := p.Run(harness.Within(t), "restart", "gone"); r.Code == 0 || !strings.Contains(r.Stderr, "run purser reload") {
		t.Errorf("the restart exits with %d: %s", r.Code, r.Stderr)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Errorf("the reload exits with %d: %s", r.Code, r.Stderr)
	}
	if says := ask(t, p, "gone"); says.UID != games {
		t.Errorf("it runs as %d", says.UID)
	}
}

func TestAFrontThatCouldChangeAnAppDoesNotServeIt(t *testing.T) {
	open := newFolder(t, games)
	must(t, os.Chown(filepath.Dir(open.dir), backup, backup))
	config := harness.ServerTable(`user = "backup"`) + newFolder(t, www).app("good") + open.app("open")
	p := harness.Start(t, harness.Options{Config: config, Users: true})
	harness.Eventually(t, harness.ReadyLimit, "the good app serves", func() bool {
		s, err := p.FetchStatus(t.Context(), "good")
		return err == nil && len(s.Ready()) > 0
	})
	mustFail(t, p, "open", "backup, who serves, may change")
}
