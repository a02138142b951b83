package upgrade

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// What cannot serve changes nothing: the same front serves on, with the same keeper and the same app.
func TestABinaryThatCannotServeChangesNothing(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, []byte("\x7fELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("\x7fELF"), 0o700); err != nil {
		t.Fatal(err)
	}
	front, keeper, apps := p.Front(), p.Keeper(), p.Status(t, "app").PIDs()
	for path, says := range map[string]string{
		filepath.Join(dir, "none"): "no such file or directory",
		dir:                        "it is no regular file",
		script:                     "it is a script",
		data:                       "it is not executable",
		text:                       "it cannot be asked whether it can serve: exec format error; nothing",
		where(t, "true"):           "it is no purser, or one that knows no upgrade",
		where(t, "false"):          "it cannot be asked whether it can serve: exit status 1",
	} {
		r := p.Run(harness.Within(t), "upgrade", path)
		if r.Code != 2 || !strings.Contains(r.Stderr, says) || !strings.HasSuffix(r.Stderr, "nothing is changed\n") {
			t.Errorf("%s: it exited with %d: %s", path, r.Code, r.Stderr)
		}
	}
	if p.Front() != front || p.Keeper() != keeper || !slices.Equal(p.Status(t, "app").PIDs(), apps) {
		t.Error("something has changed")
	}
	mustServe(t, p)
	if past := upgradesOf(t, p); len(past) != 7 || past[0].Outcome != "failed" || past[0].Failure == "" {
		t.Errorf("the history tells of %+v", past)
	}
	upgradeToNext(t, p)
	mustServe(t, p)
}

func where(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What was written into the files since is for the next reload, and no concern of an upgrade.
func TestAnUpgradeServesTheConfigurationThatRuns(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	if err := os.WriteFile(p.Config, []byte("[server]\nnonsense = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	upgradeToNext(t, p)
	mustServe(t, p)
	if r := p.Run(harness.Within(t), "reload"); r.Code != 2 || !strings.Contains(r.Stderr, "nonsense") {
		t.Errorf("a reload exited with %d: %s", r.Code, r.Stderr)
	}
	text := strings.ReplaceAll(harness.Config(app.Dir, harness.Processes(2)), "$LISTEN", p.Addr)
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Errorf("a reload exited with %d: %s", r.Code, r.Stderr)
	}
	harness.AwaitReady(t, p, 2)
}
