// Package upgrade holds the tests of purser taking another binary while it serves: no request is lost, no app notices,
// and a binary that cannot serve changes nothing.
package upgrade

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

var upgrades = flag.Int("upgrades", 100, "how often purser is upgraded under load")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Main(m))
}

// upgrade has another version serve, and expects that.
func upgrade(t *testing.T, p *harness.Purser, args ...string) harness.Result {
	t.Helper()
	return harness.StartCommand(t, p, append([]string{"upgrade"}, args...)...).MustExit(t, 0)
}

func upgradeToNext(t *testing.T, p *harness.Purser) {
	t.Helper()
	harness.MustSay(t, upgrade(t, p, harness.MustNextBinary(t)).Stdout, "purser is upgraded from ", " to "+harness.NextVersion)
}

// oldFront is the only process that finishes what it has.
func oldFront(t *testing.T, p *harness.Purser) harness.OldFront {
	t.Helper()
	var old []harness.OldFront
	harness.Eventually(t, harness.Patience, "the old front has said who it is", func() bool {
		old = p.Versions(t).OldFronts
		return len(old) == 1 && old[0].Version != ""
	})
	return old[0]
}

// upgradesOf are what the history tells of upgrades, the newest first.
func upgradesOf(t *testing.T, p *harness.Purser) []harness.Past {
	t.Helper()
	return slices.DeleteFunc(p.History(t), func(e harness.Past) bool { return e.Kind != "upgrade" })
}

func mustServe(t *testing.T, p *harness.Purser) {
	t.Helper()
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 || !strings.HasPrefix(a.Body, "v=") {
		t.Errorf("a request is answered with %d %s", a.StatusCode, a.Body)
	}
}
