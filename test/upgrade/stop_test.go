package upgrade

import (
	"os"
	"path/filepath"
	"testing"

	"purser/test/harness"
)

// An app that is being stopped goes on being stopped, has its time, and can be started again.
func TestAStopOfAnAppGoesOn(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	left := filepath.Join(t.TempDir(), "cleaned-up")
	app.Write("slow.sh", "trap 'kill $child; sleep 1.5; touch "+left+"; exit 0' TERM\nnode app.js & child=$!\nwait\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `command = ["sh", "slow.sh"]`)})
	harness.AwaitReady(t, p, 1)
	pid := p.Status(t, "app").PIDs()
	stop := harness.StartCommand(t, p, "stop", "app")
	harness.AwaitState(t, p, 1, "stopping")
	upgradeToNext(t, p)
	upgrade(t, p)
	stop.MustExit(t, 0)
	harness.MustBeGone(t, pid)
	if _, err := os.Stat(left); err != nil {
		t.Errorf("it had no time to clean up: %v", err)
	}
	if s := p.Status(t, "app"); s.Condition != "stopped" {
		t.Errorf("it is not stopped:\n%s", harness.Describe(s))
	}
	harness.StartCommand(t, p, "start", "app").MustExit(t, 0)
	harness.AwaitReady(t, p, 1)
	mustServe(t, p)
}

// The demo's folder stays until the end of purser, however many fronts have finished before.
func TestTheDemoGoesOn(t *testing.T) {
	t.Parallel()
	p := harness.Serve(t, harness.Options{Args: []string{"demo"}})
	var app struct {
		Root string `json:"root"`
	}
	p.AdminJSON(t, "/v1/apps/demo", &app)
	upgradeToNext(t, p)
	p.AwaitNoOldFronts(t)
	if _, err := os.Stat(filepath.Join(app.Root, "version.txt")); err != nil {
		t.Errorf("its folder: %v", err)
	}
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("it answers %d %s", a.StatusCode, a.Body)
	}
	p.Run(harness.Within(t), "stop")
	if _, err := os.Stat(app.Root); err == nil {
		t.Error("its folder is left")
	}
}
