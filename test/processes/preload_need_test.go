package processes

import (
	"strings"
	"testing"

	"purser/test/harness"
)

// What is forked has the code that its source has loaded, whenever that was.
func TestTheNeedOfARestartStaysWithWhatIsForkedLater(t *testing.T) {
	p, app := servePreloaded(t, "python", 2)
	needs := func() string { return p.Run(harness.Within(t), "status", "app").Stdout }
	const all = "2 of 2 processes run older code"
	app.Write(".env", "X=six\n")
	harness.Eventually(t, harness.Patience, "the change is seen", func() bool { return strings.Contains(needs(), all) })
	for _, process := range p.Status(t, "app").Ready() {
		harness.MustReplaceKilled(t, p, 2, process.PID)
	}
	harness.Eventually(t, harness.Patience, "the new processes are seen", func() bool { return strings.Contains(needs(), all) })
	harness.Kill(t, p.Front())
	harness.AwaitReady(t, p, 2)
	harness.Eventually(t, harness.Patience, "a later front sees it", func() bool { return strings.Contains(needs(), all) })
	if r := p.Run(harness.Within(t), "restart", "--marked"); r.Code != 0 {
		t.Fatalf("restart --marked exits with %d: %s", r.Code, r.Stderr)
	}
	if said := needs(); strings.Contains(said, "older code") {
		t.Errorf("after a restart status says %q", said)
	}
}
