package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// For a change of the schema that old code cannot stand. The processes themselves prove by locks, which
// end with a process and no earlier, that no two versions are ever alive at once.
func TestBlockingRestartNeverHasOldAndNewCodeAliveAtOnce(t *testing.T) {
	const n = 8
	met := harness.EmptyApp(t).Dir
	s := site.New(t, site.Release{Version: 1, Exclusive: met})
	p := s.Serve(n, harness.RestartTable(`strategy = "blocking"`, "surge = 4"))
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	slow := harness.Load{Addr: p.Addr, Rate: 20, Path: "/slow?ms=200"}.Begin()
	defer slow.End()
	harness.AwaitAnswers(t, load, 50)

	for version := 2; version <= 4; version++ {
		wanted := s.Deploy(site.Release{Version: version, Boot: 300, Exclusive: met})
		harness.MustRestart(t, p, 0)
		harness.MustOnlyLive(t, p, n, wanted)
		mustDrainFirst(t, p.Status(t, "app").Restart.Steps, n)
	}
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
	report, long := load.End(), slow.End()

	harness.MustNotFail(t, report)
	harness.MustNotFail(t, long)
	for _, file := range found(t, filepath.Join(met, "met-*")) {
		t.Error(file)
	}
	if locks := found(t, filepath.Join(met, "version-*")); len(locks) != 4 {
		t.Errorf("%d versions took part in the proof, not 4", len(locks))
	}
	if report.Max() < 300*time.Millisecond {
		t.Errorf("no request waited for a boot, the longest took %v: nothing was blocked", report.Max())
	}
	t.Logf("%v; those that take 200 ms: %v", report, long)
}

// mustDrainFirst expects that all n old processes were gone before a new one was begun.
func mustDrainFirst(t *testing.T, steps []harness.Step, n int) {
	t.Helper()
	gone := 0
	for _, step := range steps {
		switch step.What {
		case "gone":
			gone++
		case "spawning":
			if gone != n {
				t.Errorf("a process was begun when %d of %d were gone: %s", gone, n, summary(steps))
				return
			}
		}
	}
}

// found are the texts of files.
func found(t *testing.T, glob string) []string {
	t.Helper()
	names, err := filepath.Glob(glob)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, fmt.Sprintf("%s: %s", filepath.Base(name), strings.TrimSpace(string(text))))
	}
	return texts
}
