package scale

import (
	"testing"

	"purser/test/harness"
)

// What stands above the front does next to nothing, and is to cost next to nothing.
func TestMainProcessAndKeeperAreSmall(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	for range 20 {
		harness.MustRestart(t, p, 0)
	}
	var main, keeper int64
	harness.Eventually(t, harness.Patience, "both have at most 12 MiB", func() bool {
		main, keeper = harness.PSS(p.PID()), harness.PSS(p.Keeper())
		return main > 0 && keeper > 0 && main+keeper <= 12<<20
	})
	t.Logf("the main process has %d KiB, the keeper %d KiB", main>>10, keeper>>10)
}
