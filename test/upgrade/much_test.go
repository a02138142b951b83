package upgrade

import (
	"strconv"
	"testing"

	"purser/test/harness"
)

// Upgrades, restarts, other sizes and reloads come at once, again and again: each is done, and no visitor notices.
func TestUpgradesBesideAllElseLoseNothing(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(2), "env = { BOOT_MS = \"100\" }")
	harness.AwaitReady(t, p, 2)
	load := harness.Load{Addr: p.Addr, Rate: 100, Fresh: true}.Begin()
	for n := range 10 {
		app.Write("VERSION", strconv.Itoa(n+2))
		var all []harness.Command
		for _, args := range [][]string{{"upgrade"}, {"restart", "app"}, {"scale", "app", strconv.Itoa(2 + n%3)}, {"reload"}, {"upgrade", harness.MustNextBinary(t)}} {
			all = append(all, harness.StartCommand(t, p, args...))
		}
		for _, command := range all {
			command.MustExit(t, 0)
		}
	}
	report := load.End()
	harness.MustNotFail(t, report)
	t.Logf("%v", report)
	harness.Eventually(t, harness.Patience, "the newest code serves", func() bool {
		return harness.WordIn(harness.Get(t, p, "/").Body, "v") == "11"
	})
	p.AwaitNoOldFronts(t)
}
