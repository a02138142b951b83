package takeover

import (
	"os"
	"path/filepath"
	"testing"

	"purser/test/harness"
)

// A process that is being stopped answers nobody any more, and has its time to end also where the front is killed.
func TestAProcessThatIsStoppedHasItsTimeWhenTheFrontIsKilled(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	left := filepath.Join(t.TempDir(), "cleaned-up")
	app.Write("slow.sh", "trap 'kill $child; sleep 1; touch "+left+"; exit 0' TERM\nnode app.js & child=$!\nwait\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `command = ["sh", "slow.sh"]`)})
	harness.AwaitReady(t, p, 1)
	restart := harness.StartCommand(t, p, "restart", "app")
	old := harness.AwaitState(t, p, 1, "stopping")
	harness.Kill(t, p.Front())
	restart.MustExit(t, 0)
	harness.MustBeGone(t, []int{old})
	if _, err := os.Stat(left); err != nil {
		t.Errorf("it had no time to clean up: %v", err)
	}
}
