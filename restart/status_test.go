package restart

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestStatusIsWrittenBesideTheRestartFile(t *testing.T) {
	s := newSite(t)
	for _, state := range []string{"running", "done"} {
		s.must(WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", map[string]string{"state": state}))
		if got := s.status("releases/1/tmp/restart.status"); got != state {
			t.Errorf("state is %q, want %q", got, state)
		}
	}
	stat, err := os.Stat(s.path("current/tmp/restart.status"))
	s.must(err)
	if stat.Mode() != 0o644 {
		t.Errorf("mode is %v, want -rw-r--r--", stat.Mode())
	}
	entries, err := os.ReadDir(s.path("current/tmp"))
	if err != nil || len(entries) != 1 {
		t.Errorf("tmp has %v, %v; want the status alone", entries, err)
	}
}

func (s *site) status(name string) string {
	s.Helper()
	text, err := os.ReadFile(s.path(name))
	s.must(err)
	var v map[string]string
	s.must(json.Unmarshal(text, &v))
	return v["state"]
}

func TestStatusGoesIntoASharedFolder(t *testing.T) {
	s := newSite(t)
	s.must(os.Mkdir(s.path("shared"), 0o700))
	s.remove("releases/1/tmp")
	s.must(os.Symlink(s.path("shared"), s.path("releases/1/tmp")))
	s.must(WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", map[string]string{"state": "done"}))
	if got := s.status("shared/restart.status"); got != "done" {
		t.Errorf("state is %q, want done", got)
	}
}

func TestStatusDoesNotFollowASymlinkInTheFolder(t *testing.T) {
	s := newSite(t)
	s.must(os.WriteFile(s.path("secret"), []byte(`{"state": "untouched"}`), 0o600))
	s.must(os.Symlink(s.path("secret"), s.path("current/tmp/restart.status")))
	s.must(WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", map[string]string{"state": "done"}))
	if got := s.status("secret"); got != "untouched" {
		t.Errorf("the file behind the symlink is %q now", got)
	}
	if got := s.status("current/tmp/restart.status"); got != "done" {
		t.Errorf("state is %q, want done", got)
	}
}

func TestStatusThatCannotBeWrittenIsAnError(t *testing.T) {
	s := newSite(t)
	s.must(os.MkdirAll(s.path("current/taken/restart.status"), 0o700))
	for file, want := range map[string]string{
		"":                 "cannot write restart.status: the app has no restart file to put it beside",
		"none/restart.txt": "cannot write restart.status: open " + s.path("current/none") + "/: no such file or directory",
		"taken/go":         "cannot write restart.status: renameat",
	} {
		err := WriteStatus(disk.Own, s.path("current"), file, map[string]string{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", file, err, want)
		}
	}
	if err := WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", func() {}); err == nil {
		t.Error("a function was written as JSON")
	}
	if entries, err := os.ReadDir(s.path("current/taken")); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v; want no draft", entries, err)
	}
}

func TestStatusDoesNotWaitForAPipe(t *testing.T) {
	s := newSite(t)
	s.remove("releases/1/tmp")
	s.must(unix.Mkfifo(s.path("releases/1/tmp"), 0o644))
	if err := WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", ""); err == nil {
		t.Error("a status was written into a pipe")
	}
}

func TestStatusBelongsToWhomItsFolderBelongsTo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root writes for others")
	}
	s := newSite(t)
	s.must(os.Chown(s.path("releases/1/tmp"), 65534, 65533))
	s.must(WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", map[string]string{"state": "done"}))
	stat, err := os.Stat(s.path("current/tmp/restart.status"))
	s.must(err)
	if owner := stat.Sys().(*syscall.Stat_t); owner.Uid != 65534 || owner.Gid != 65533 {
		t.Errorf("it belongs to %d:%d", owner.Uid, owner.Gid)
	}
}
