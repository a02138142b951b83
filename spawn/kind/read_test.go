package kind_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"purser/spawn/kind"
)

func TestOnlyRegularFilesOfAModestLengthAreReadInAnAppsFolder(t *testing.T) {
	root := write(t, files{"short": "x", "most": strings.Repeat("x", 1<<20), "long": strings.Repeat("x", 1<<20+1)})
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_RDWR, 0) // who opens it as conf.ReadFile does waits for an end
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for name, want := range map[string]string{"short": "", "most": "", "long": "is longer than 1 MiB", "pipe": "is not a regular file", ".": "is not a regular file"} {
		text, err := kind.ReadFile(filepath.Join(root, name))
		if want == "" && (err != nil || len(text) == 0) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %d bytes, %v, want %q", name, len(text), err, want)
		}
	}
}
