package upgrade

import (
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// A version whose fronts crash again and again, as soon as they are there, gives way to the one before.
func TestAVersionThatCrashesAgainAndAgainGivesWay(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	before, apps := p.Versions(t).Version, p.Status(t, "app").PIDs()
	upgradeToNext(t, p)
	p.AwaitNoOldFronts(t)
	limit := time.Now().Add(2 * harness.Patience)
	for !strings.Contains(p.Log.String(), "the version before serves again") {
		if time.Now().After(limit) {
			t.Fatal("it does not give way")
		}
		if front := p.Front(); front != 0 {
			harness.Kill(t, front)
		}
	}
	harness.Eventually(t, harness.Patience, "it serves", func() bool { return p.Front() != 0 && p.Versions(t).Version == before })
	mustServe(t, p)
	if now := p.Status(t, "app"); !harness.SamePIDs(apps, now.Ready()) {
		t.Errorf("before, %v served:\n%s", apps, harness.Describe(now))
	}
	upgradeToNext(t, p) // may be tried again
	mustServe(t, p)
}
