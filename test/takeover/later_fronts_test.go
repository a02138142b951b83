package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// An app that an operator has stopped stays stopped, and is no reason why the next front does not serve, even if its
// folder is away.
func TestAStoppedAppIsStoppedForLaterFronts(t *testing.T) {
	t.Parallel()
	a, b := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("a", a.Dir, `hosts = ["a"]`) + harness.AppTable("b", b.Dir, `hosts = ["b"]`)})
	for _, app := range []string{"a", "b"} {
		harness.Eventually(t, harness.Patience, app+" serves", func() bool { return len(p.Status(t, app).Ready()) == 1 })
	}
	harness.StartCommand(t, p, "stop", "a").MustExit(t, 0)
	harness.Eventually(t, harness.Patience, "nothing of it runs", func() bool { return len(p.Status(t, "a").Processes) == 0 })
	rename(t, a.Dir, a.Dir+".away")
	for range 3 {
		harness.Kill(t, p.Front())
		if answer := askHost(t, p, "a"); answer.StatusCode != 503 || !strings.Contains(answer.Body, "has been stopped") {
			t.Fatalf("the app that was stopped answers %d: %s", answer.StatusCode, answer.Body)
		}
		if answer := askHost(t, p, "b"); answer.StatusCode != 200 {
			t.Fatalf("the other app answers %d: %s", answer.StatusCode, answer.Body)
		}
	}
	rename(t, a.Dir+".away", a.Dir)
	harness.StartCommand(t, p, "start", "a").MustExit(t, 0)
	harness.Eventually(t, harness.Patience, "it serves again", func() bool { return askHost(t, p, "a").StatusCode == 200 })
}

// Processes get the variables of the newest configuration also when older ones are still known, and none that it has
// no more.
func TestReloadsBringTheirVariablesAlthoughFrontsCrash(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	with := func(env string) string { return harness.Config(app.Dir, "env = { "+env+" }") }
	p := harness.Serve(t, harness.Options{Config: with(`FIRST = "1"`)})
	harness.AwaitReady(t, p, 1)
	for n, env := range []string{"SECOND", "THIRD", "FOURTH"} {
		rewrite(t, p, with(env+` = "1", BOOT_MS = "300"`))
		reload := harness.StartCommand(t, p, "reload")
		harness.Eventually(t, harness.Patience, "the restart is under way", func() bool { return p.Status(t, "app").Generation == n+2 })
		harness.Kill(t, p.Front())
		<-reload.Result // whether it was told what came of it depends on when that was
		harness.AwaitRestart(t, p, "app", n+2)
		answer := harness.Get(t, p, "/env").Body
		for _, name := range []string{"FIRST", "SECOND", "THIRD", "FOURTH"} {
			if has := strings.Contains(answer, `"`+name+`"`); has != (name == env) {
				t.Errorf("after the reload that brings %s, it is %t that a process has %s", env, has, name)
			}
		}
	}
}

// What an app prints goes elsewhere where its log cannot be opened, and there again after a reload.
func TestALogThatWasAwayIsWrittenToAfterAReload(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	folder := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), fmt.Sprintf("log = %q", folder+"/app.log"))})
	harness.AwaitReady(t, p, 1)
	rename(t, folder, folder+".away")
	harness.Kill(t, p.Front())
	harness.Get(t, p, "/")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	harness.StartCommand(t, p, "reload").MustExit(t, 0)
	if _, err := os.Stat(folder + "/app.log"); err != nil {
		t.Error(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func rewrite(t *testing.T, p *harness.Purser, config string) {
	t.Helper()
	if err := os.WriteFile(p.Config, []byte(strings.ReplaceAll(config, "$LISTEN", p.Addr)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func askHost(t *testing.T, p *harness.Purser, host string) harness.Answer {
	t.Helper()
	return harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
}
