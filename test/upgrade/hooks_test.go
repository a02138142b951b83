package upgrade

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// A hook that runs is not cut off by an upgrade, which waits for a while.
func TestAnUpgradeWaitsForAHook(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, "[apps.app.hooks]", `before_restart = "while ! [ -e go ]; do sleep 0.05; done"`)
	harness.AwaitReady(t, p, 1)
	restart := harness.StartCommand(t, p, "restart", "app")
	harness.Eventually(t, harness.Patience, "the hook runs", func() bool {
		return len(p.Family()) > 1
	})
	if r := harness.StartCommand(t, p, "upgrade").MustExit(t, 1); !strings.Contains(r.Stderr, "a restart of app is being prepared") {
		t.Errorf("it says %s", r.Stderr)
	}
	up := harness.StartCommand(t, p, "upgrade")
	app.Write("go", "")
	up.MustExit(t, 0)
	restart.MustExit(t, 0)
	harness.AwaitRestart(t, p, "app", 2)
	if past := upgradesOf(t, p); len(past) != 2 || past[1].Outcome != "failed" {
		t.Errorf("the history tells of %+v", past)
	}
}

// Why an upgrade has failed is told of that one. What the one before has left has come to rest when it is withdrawn.
func TestEachUpgradeSaysWhyItHasFailed(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, "[apps.app.hooks]", `before_restart = "while ! [ -e go ]; do sleep 0.05; done; rm go"`)
	harness.AwaitReady(t, p, 1)
	for range 2 {
		restart := harness.StartCommand(t, p, "restart", "app")
		harness.Eventually(t, harness.Patience, "the hook runs", func() bool { return len(p.Family()) > 1 })
		front := p.Front()
		up := harness.StartCommand(t, p, "upgrade")
		harness.Eventually(t, harness.Patience, "the candidate runs", func() bool { return len(p.Fronts()) == 2 })
		for _, pid := range p.Fronts() {
			if pid != front {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if r := up.MustExit(t, 1); !strings.Contains(r.Stderr, "the new version was killed by signal KILL before it could serve") {
			t.Errorf("it says %s", r.Stderr)
		}
		app.Write("go", "")
		restart.MustExit(t, 0)
	}
	mustServe(t, p)
}

// What was stopped and scaled stays so.
func TestWhatOperatorsHaveDoneStays(t *testing.T) {
	t.Parallel()
	config := harness.ServerTable()
	for _, name := range []string{"stopped", "scaled"} {
		app := harness.NewApp(t, "node")
		config += harness.AppTable(name, app.Dir, harness.Processes(1), fmt.Sprintf("hosts = [%q]", name))
	}
	p := harness.Serve(t, harness.Options{Config: config})
	for _, args := range [][]string{{"stop", "stopped"}, {"scale", "scaled", "3"}} {
		if r := p.Run(harness.Within(t), args...); r.Code != 0 {
			t.Fatalf("purser %v exited with %d: %s", args, r.Code, r.Stderr)
		}
	}
	harness.Eventually(t, harness.Patience, "it is scaled", func() bool { return len(p.Status(t, "scaled").Ready()) == 3 })
	for range 2 {
		upgrade(t, p)
		if s := p.Status(t, "scaled"); len(s.Ready()) != 3 {
			t.Errorf("what was scaled has:\n%s", harness.Describe(s))
		}
		if a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: stopped\r\nConnection: close\r\n\r\n"); a.StatusCode != 503 || a.Header.Get("Purser-Error") != "stopped" {
			t.Errorf("what was stopped answers %d %v", a.StatusCode, a.Header)
		}
	}
	if r := p.Run(harness.Within(t), "start", "stopped"); r.Code != 0 {
		t.Errorf("its start exited with %d: %s", r.Code, r.Stderr)
	}
}

// What apps print is in the log once, and whole, however often fronts take each other's place.
func TestNoLineOfAnAppIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	app.Write("chatty.sh", "node app.js & i=0; while [ $i -lt 2000 ]; do i=$((i+1)); printf 'line '; echo \"$i.\"; [ $((i%20)) = 0 ] && sleep 0.02; done; wait\n")
	log := t.TempDir() + "/app.log"
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `command = ["sh", "chatty.sh"]`, fmt.Sprintf("log = %q", log))})
	for n := 0; n < 40 && !contains(log, "line 2000."); n++ {
		upgrade(t, p)
	}
	harness.Eventually(t, harness.Patience, "all is printed", func() bool { return contains(log, "line 2000.") })
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if n := strings.Count(string(text), fmt.Sprintf("line %d.", i+1)); n != 1 {
			t.Errorf("line %d is there %d times", i+1, n)
		}
	}
}

func contains(file, text string) bool {
	all, _ := os.ReadFile(file)
	return strings.Contains(string(all), text)
}
