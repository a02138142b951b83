package operators

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

// One app serves, one cannot start, one rests until somebody comes.
func TestHealthSaysByItsExitCodeWhetherVisitorsAreServed(t *testing.T) {
	t.Parallel()
	good, bad, idle := harness.NewApp(t, "node"), harness.NewApp(t, "node"), harness.NewApp(t, "node")
	bad.Write("VERSION", "broken")
	all := harness.ServerTable() + harness.AppTable("good", good.Dir, `hosts = ["good"]`) + harness.AppTable("bad", bad.Dir, `hosts = ["bad"]`) +
		harness.AppTable("idle", idle.Dir, `hosts = ["idle"]`, "min_processes = 0")
	p := harness.Serve(t, harness.Options{Config: all})
	harness.Eventually(t, harness.Patience, "bad has failed", func() bool { return p.Status(t, "bad").Condition == "failed" })
	mustExit := func(code int, says string, args ...string) {
		t.Helper()
		r := p.Run(harness.Within(t), append([]string{"health"}, args...)...)
		if r.Code != code || !strings.Contains(r.Stdout+r.Stderr, says) {
			t.Errorf("health %v exits with %d and says\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
	}
	mustExit(0, "good: up", "good")
	mustExit(0, "idle: resting", "idle")
	mustExit(1, "bad does not serve", "bad")
	mustExit(1, "1 of 3 apps does not serve")
	mustExit(2, "there is no app", "goood")

	good.Write("VERSION", "broken")
	p.Run(harness.Within(t), "restart", "good")
	mustExit(0, "good: resisting", "good") // visitors get the old code

	bad.Write("VERSION", "1")
	p.Run(harness.Within(t), "restart", "bad")
	mustExit(0, "bad: up")
	p.Run(harness.Within(t), "stop")
	mustExit(1, "no running purser answers")
}

// Whoever runs two pursers names the app, and no more.
func TestOfSeveralPursersTheOneIsAskedThatHasTheApp(t *testing.T) {
	t.Parallel()
	var pursers []*harness.Purser
	names := []string{"several-one", "several-two"}
	var dirs []string
	for _, name := range names {
		app := harness.NewApp(t, "node")
		dirs = append(dirs, app.Dir)
		pursers = append(pursers, harness.Serve(t, harness.Options{Config: harness.ServerTable() + harness.AppTable(name, app.Dir)}))
	}
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "XDG_RUNTIME_DIR=" + harness.Scratch() + "/run"}
	for i, name := range names {
		for _, word := range []string{name, dirs[i]} {
			r := harness.RunBinary(harness.Within(t), bin, env, "status", word)
			if r.Code != 0 || !strings.Contains(r.Stdout, name) {
				t.Errorf("status %s exits with %d and says\n%s%s", word, r.Code, r.Stdout, r.Stderr)
			}
		}
		if r := harness.RunBinary(harness.Within(t), bin, env, "restart", name); r.Code != 0 || pursers[i].Status(t, name).Generation != 2 {
			t.Errorf("restart %s exits with %d and says\n%s%s", name, r.Code, r.Stdout, r.Stderr)
		}
	}
	if r := harness.RunBinary(harness.Within(t), bin, env, "status"); r.Code != 2 || !strings.Contains(r.Stderr, "several pursers are running") {
		t.Errorf("status exits with %d and says\n%s", r.Code, r.Stderr)
	}
}
