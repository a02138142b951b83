package reload

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"purser/test/harness"
)

func TestTheNewestFileRunsAfterReloadsAtOnce(t *testing.T) {
	l := newLand(t, "blog", "shop")
	load := l.load("blog", 100)
	var asked sync.WaitGroup
	for i := range 8 {
		l.apps["blog"] = []string{fmt.Sprintf("env.V = \"%d\"", i)}
		l.write()
		asked.Go(func() {
			if r := l.p.Run(t.Context(), "reload"); r.Code != 0 && r.Code != 3 { // another may supersede its restart
				t.Errorf("it exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
	asked.Wait()
	l.await("blog", 2)
	for _, pid := range l.pids("blog") {
		if v := environment(t, pid)["V"]; v != "7" {
			t.Errorf("process %d has V=%s", pid, v)
		}
	}
	harness.MustNotFail(t, load.End())
}

func TestAReloadInMidRollIsWhatRunsAtTheEnd(t *testing.T) {
	app := harness.NewApp(t, "node")
	l := newLand(t, "shop")
	slow := func(v string) string {
		return fmt.Sprintf("[apps.app]\nroot = %q\nmin_processes = 3\nmax_processes = 3\nconcurrency = 1\n[apps.app.env]\nBOOT_MS = \"300\"\nV = %q\n", app.Dir, v)
	}
	l.broken = slow("1")
	l.reloads(0)
	load := harness.Load{Addr: l.p.Addr, Rate: 100}.Begin()
	l.write()
	roll := harness.StartCommand(t, l.p, "restart", "app")
	harness.AwaitState(t, l.p, 2, "ready")
	l.broken = slow("2")
	l.write()
	first := harness.StartCommand(t, l.p, "reload")
	harness.AwaitState(t, l.p, 3, "ready")
	l.broken = slow("3")
	l.reloads(0)
	roll.MustExit(t, 3)
	first.MustExit(t, 3)
	l.await("app", 3)
	for _, pid := range l.pids("app") {
		if v := environment(t, pid)["V"]; v != "3" {
			t.Errorf("process %d has V=%s", pid, v)
		}
	}
	harness.MustNotFail(t, load.End())
}

// environment is that of a process.
func environment(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, variable := range strings.Split(string(text), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		all[name] = value
	}
	return all
}

func TestConfigurationThatDoesNotStartLeavesTheOldOne(t *testing.T) {
	l := newLand(t, "blog", "shop")
	pids := l.pids("blog")
	load := l.load("blog", 100)
	l.apps["blog"] = []string{"start_timeout = \"5s\"", "env.PURSER_SOCKET = \"/nowhere/s\""}
	result := l.reloads(1)
	harness.MustSay(t, result.Stdout+result.Stderr, "blog: changed in place: start_timeout", "blog: restarted, for env.PURSER_SOCKET", "the restart of blog failed")
	s := l.p.Status(t, "blog")
	if s.Condition != "resisting" || !slices.Equal(harness.SortedPIDs(s.Ready()), pids) {
		t.Errorf("after a configuration that does not start:\n%s", harness.Describe(s))
	}
	harness.Kill(t, pids[0])
	harness.Eventually(t, harness.Patience, "another with the old configuration takes its place", func() bool {
		ready := l.p.Status(t, "blog").Ready()
		return len(ready) == 2 && !slices.Contains(harness.SortedPIDs(ready), pids[0])
	})
	l.apps["blog"] = nil
	l.reloads(0)
	harness.Eventually(t, harness.Patience, "it is up", func() bool { return l.p.Status(t, "blog").Condition == "up" })
	report := load.End()
	if failed := report.Failed(); len(failed) > 2 { // what the process that was killed had
		harness.MustNotFail(t, report)
	}
}

func TestDryRunSaysWhatWouldBeAndSecretsAreNeverShown(t *testing.T) {
	l := newLand(t, "blog")
	l.apps["blog"] = []string{"max_queue = 7", "env.TOKEN = \"hunter2\""}
	l.apps["news"] = nil
	l.server = []string{"log_level = \"debug\"", "admin = \"127.0.0.1:0\""}
	before := l.pids("blog")
	for _, json := range []bool{false, true} {
		args := []string{"--dry-run"}
		if json {
			args = append(args, "--json")
		}
		result := l.reloads(0, args...)
		harness.MustSay(t, result.Stdout, "news", "max_queue", "env.TOKEN", "log_level", "admin")
		if strings.Contains(result.Stdout, "hunter2") {
			t.Errorf("a secret is shown: %s", result.Stdout)
		}
	}
	if now := l.pids("blog"); !slices.Equal(now, before) || l.p.AdminRequest(t, "GET", "/v1/apps/news", nil).StatusCode != 404 {
		t.Error("a dry run has changed something")
	}
	result := l.reloads(0)
	harness.MustSay(t, result.Stdout, "[server]: needs a restart of purser: admin", "[server]: changed: log_level", "news: added", "blog: restarted, for env.TOKEN")
	harness.MustSay(t, l.runs(0, "reload").Stdout, "needs a restart of purser: admin")
	if len(l.p.Log.Lines("hunter2")) > 0 {
		t.Error("a secret is in the log")
	}
	var d struct{ Reload struct{ By, Error string } }
	l.p.AdminJSON(t, "/v1/status", &d)
	if d.Reload.By == "" || d.Reload.Error != "" {
		t.Errorf("the last reload was %+v", d.Reload)
	}
	l.broken = "[apps.x]\nrot = 1\n"
	l.reloads(2)
	harness.MustSay(t, l.runs(0, "status", "--full").Stdout, "Last reload", l.p.Config+":", "apps.x.rot")
}

func TestHangupReadsTheConfigurationAgain(t *testing.T) {
	l := newLand(t, "blog")
	l.apps["news"] = nil
	l.write()
	l.p.Signal(syscall.SIGHUP)
	l.await("news", 2)
	var d struct{ Reload struct{ By string } }
	harness.Eventually(t, harness.Patience, "status says who asked", func() bool {
		l.p.AdminJSON(t, "/v1/status", &d)
		return d.Reload.By == "SIGHUP"
	})
}

func TestChangedFilesAreReadAgainByThemselvesIfThatIsWanted(t *testing.T) {
	l := newLand(t, "blog")
	dir := t.TempDir()
	l.server = []string{"watch_config = true", fmt.Sprintf("include = [%q]", dir+"/*.toml")}
	l.reloads(0)
	harness.WriteFile(t, dir, "news.toml", fmt.Sprintf("[apps.news]\nroot = %q\ncommand = [%q]\nhosts = [\"news\"]\nmin_processes = 2\nmax_processes = 2\n", dir, mustGoApp(t)))
	l.await("news", 2)
	harness.WriteFile(t, dir, "news.toml", "[apps.news\n")
	var d struct{ Reload struct{ By, Error string } }
	harness.Eventually(t, harness.Patience, "what is wrong is said", func() bool {
		l.p.AdminJSON(t, "/v1/status", &d)
		return d.Reload.By == "watch_config" && strings.Contains(d.Reload.Error, dir+"/news.toml:1:")
	})
	if len(l.p.Status(t, "news").Ready()) != 2 {
		t.Error("a file that cannot be read has ended its app")
	}
	if err := os.Remove(dir + "/news.toml"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "the app is gone", func() bool {
		return l.p.AdminRequest(t, "GET", "/v1/apps/news", nil).StatusCode == 404
	})
}

func TestReloadsAPI(t *testing.T) {
	l := newLand(t, "blog")
	l.apps["blog"] = []string{"env.A = \"b\""}
	l.write()
	a := l.p.AdminRequest(t, "POST", "/v1/reload", strings.NewReader(`{}`))
	var did struct {
		Restarts []struct{ App, ID string }
	}
	if err := json.Unmarshal([]byte(a.Body), &did); err != nil || a.StatusCode != 202 || len(did.Restarts) != 1 || did.Restarts[0].App != "blog" {
		t.Fatalf("it is answered with %d %s", a.StatusCode, a.Body)
	}
	harness.AwaitRestart(t, l.p, "blog", 2)
	l.broken = "[apps.x"
	l.write()
	if a := l.p.AdminRequest(t, "POST", "/v1/reload", nil); a.StatusCode != 400 || !strings.Contains(a.Body, "bad_config") {
		t.Errorf("it is answered with %d %s", a.StatusCode, a.Body)
	}
}

// The file that is mended is one that only the refused configuration includes.
func TestWatchedConfigurationIsReadAgainOnceWhatItNewlyIncludesIsMended(t *testing.T) {
	l := newLand(t, "blog")
	l.server = []string{"watch_config = true"}
	l.reloads(0)
	dir := t.TempDir()
	harness.WriteFile(t, dir, "news.toml", "[apps.news\n")
	l.server = append(l.server, fmt.Sprintf("include = [%q]", dir+"/*.toml"))
	l.write()
	var d struct{ Reload struct{ By, Error string } }
	harness.Eventually(t, harness.Patience, "what is wrong is said", func() bool {
		l.p.AdminJSON(t, "/v1/status", &d)
		return d.Reload.By == "watch_config" && strings.Contains(d.Reload.Error, dir+"/news.toml:1:")
	})
	harness.WriteFile(t, dir, "news.toml", fmt.Sprintf("[apps.news]\nroot = %q\ncommand = [%q]\nhosts = [\"news\"]\nmin_processes = 2\nmax_processes = 2\n", dir, mustGoApp(t)))
	l.await("news", 2)
}

func TestDryRunAndWhatIsRefusedLeaveNoFilesBehind(t *testing.T) {
	l := newLand(t, "blog")
	dir := t.TempDir()
	l.server = []string{fmt.Sprintf("access_log = %q", dir+"/access.log")}
	l.apps["blog"] = []string{fmt.Sprintf("log = %q", dir+"/blog.log")}
	harness.MustSay(t, l.reloads(0, "--dry-run").Stdout, "blog: changed in place: log", "changed: access_log")
	l.listen = []string{"192.0.2.1:80"}
	l.reloads(2)
	l.listen = nil
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("they have made %v, %v", made, err)
	}
	l.apps["blog"] = []string{fmt.Sprintf("log = %q", dir+"/none/blog.log")}
	harness.MustSay(t, l.reloads(1, "--dry-run").Stderr, "blog goes on with its configuration from before: cannot open the log "+dir+"/none/blog.log: its folder does not exist; create it")
	l.apps["blog"] = []string{fmt.Sprintf("log = %q", dir+"/blog.log")}
	l.reloads(0)
	if made, err := os.ReadDir(dir); err != nil || len(made) != 2 {
		t.Errorf("the reload has made %v, %v", made, err)
	}
}
