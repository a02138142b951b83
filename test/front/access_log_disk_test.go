package front

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestFullDiskTearsNoLineOfTheAccessLog(t *testing.T) {
	harness.MustBeRoot(t)
	disk := tinyDisk(t, "16m")
	app := harness.NewApp(t, "node")
	path, other := filepath.Join(disk, "access.log"), filepath.Join(disk, "of somebody else")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(`access_log = "`+path+`"`) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	harness.Get(t, p, "/0")
	logLines(t, path, 1)
	_ = os.WriteFile(other, make([]byte, 17<<20), 0o600) // as much as there is room for
	load := harness.Load{Addr: p.Addr, Rate: 300, Path: "/" + strings.Repeat("x", 4000)}.Begin()
	defer load.End()
	harness.Eventually(t, harness.Patience, "the log says that the disk is full", func() bool { return len(p.Log.Lines("no space left")) > 0 })
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+300) // it is tried again and again meanwhile
	sent := load.End()
	harness.MustNotFail(t, sent)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "the log says that it goes on", func() bool {
		return len(p.Log.Lines("written again"))+len(p.Log.Lines("were lost")) > 0
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lost := len(p.Log.Lines("were lost")); lost > 0 {
		t.Error("lines were lost, though there was room for them in memory")
	}
	if n := strings.Count(string(text), "\n"); n != len(sent.Samples)+1 {
		t.Errorf("%d lines for %d requests", n, len(sent.Samples)+1)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "127.0.0.1 - - [") || !strings.HasSuffix(line, "\"-\" \"-\"\n") {
			t.Errorf("half a line: %.100q", line)
		}
	}
	if said := p.Log.Lines("no space left"); len(said) != 1 {
		t.Errorf("it was said %d times that the disk is full", len(said))
	}
}
