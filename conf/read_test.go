package conf

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// held is a pipe that has a writer, who writes nothing.
func held(t *testing.T, path string) {
	t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
}

func TestWhatHasNoEndIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := unix.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	held(t, at("held"))
	if err := os.Symlink("/dev/zero", at("device")); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(at("huge"))
	if err != nil {
		t.Fatal(err)
	}
	defer huge.Close()
	if err := huge.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pipe":   "is a pipe that nobody writes to",
		"held":   "is a pipe whose end has not come within 5s",
		"device": "is not a regular file",
		"huge":   "is longer than 16 MiB",
		".":      "is a directory",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			if _, err := Load(at(name)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want that it %s", err, want)
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestIncludedPipeIsRefusedWhereItIsNamed(t *testing.T) {
	dir := files(t, map[string]string{"purser.toml": including, "apps/a.toml": ""})
	if err := unix.Mkfifo(filepath.Join(dir, "apps/x.toml"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(filepath.Join(dir, "purser.toml"))
	if err == nil || !strings.Contains(err.Error(), "purser.toml:2: server.include: cannot read what is included: ") {
		t.Errorf("got %v", err)
	}
}

func TestPipeThatSomebodyWritesIsRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() { // ends with the pipe
		_, _ = w.WriteString("[apps.main]\nroot = \"/srv/main\"\n")
		w.Close()
	}()
	cfg, err := Load("/dev/fd/" + strconv.Itoa(int(r.Fd())))
	if err != nil || len(cfg.Apps) != 1 {
		t.Errorf("got %+v, %v", cfg, err)
	}
}
