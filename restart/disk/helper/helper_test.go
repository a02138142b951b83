package helper

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestWhatTheUserMayDoIsDoneAsThatUser(t *testing.T) {
	h := newHouse(t)
	h.own(alice, "app/REVISION", "app/lib/a.rb", "app/public/robots.txt")
	root := h.path("app")
	if real, err := h.disk.Resolve(root); err != nil || real != root {
		t.Errorf("the root is %s, %v", real, err)
	}
	if revision := h.disk.Revision(root); revision != "app/REVISION" {
		t.Errorf("the revision is %q", revision)
	}
	found := h.disk.Stat(root, "REVISION", "none", "lib")
	if found[0].Size != int64(len("app/REVISION")) || !errors.Is(found[1].Err, fs.ErrNotExist) || !found[2].IsFolder() {
		t.Errorf("looked at are %+v", found)
	}
	if seen := h.disk.Search(root, []disk.Glob{{"lib", "*"}}); len(seen.Files) != 1 || seen.Files[0].Name != "lib/a.rb" || seen.Partial {
		t.Errorf("found is %+v", seen)
	}
	if way := h.disk.Walk("/", root); way.Err != nil || way.End.Folder != root || way.End.Info.Inode != h.inode("app") {
		t.Errorf("the way is %+v", way)
	}
	h.must(h.disk.WriteStatus(root, "tmp", []byte("done")))
	h.must(h.disk.WriteMark(root, "libssl\n"))
	if _, marks, err := h.disk.Marks(root); err != nil || len(marks) != 1 || marks[0].Text != "libssl" {
		t.Errorf("marks are %+v, %v", marks, err)
	} else {
		h.must(h.disk.RemoveMark(marks[0].Name, marks[0].Info))
	}
	log, err := h.disk.OpenLog(root, "log/app.log")
	h.must(err)
	_, err = log.WriteString("line\n")
	h.must(errors.Join(err, log.Close()))
	for _, name := range []string{"app/tmp/restart.status", "app/tmp/needs-restart.d", "app/log/app.log"} {
		if uid := h.ownerOf(name); uid != alice {
			t.Errorf("%s belongs to %d", name, uid)
		}
	}
	f, err := h.disk.OpenStatic(root, "public", "robots.txt")
	h.must(err)
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "app/public/robots.txt" {
		t.Errorf("served is %q, %v", text, err)
	}
	if image := h.disk.Image(os.Getpid()); image != "" {
		t.Errorf("it can be told what root runs: %q", image)
	}
	pid, count := h.last()
	if count != 1 {
		t.Errorf("%d helpers did it", count)
	}
	if image := h.disk.Image(pid); image != "" { // which nobody may look into, be he the same user
		t.Errorf("it can be told what the helper runs: %q", image)
	}
}

// One that replaces itself by another program is another.
func TestWhatAProcessOfTheUserRunsIsToldByTheUser(t *testing.T) {
	h := newHouse(t)
	shell := exec.Command("/bin/sh", "-c", "read go; exec sleep 1000")
	shell.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: alice, Gid: alice}}
	stdin, err := shell.StdinPipe()
	h.must(err)
	h.must(shell.Start())
	defer func() { _ = shell.Process.Kill(); _ = shell.Wait() }()
	before := h.disk.Image(shell.Process.Pid)
	if again := h.disk.Image(shell.Process.Pid); before == "" || again != before {
		t.Errorf("one program is %q and %q", before, again)
	}
	_, err = io.WriteString(stdin, "go\n")
	h.must(err)
	h.eventually("it is told from the one before", func() bool { now := h.disk.Image(shell.Process.Pid); return now != "" && now != before })
}

func (h *house) inode(name string) uint64 {
	h.Helper()
	stat, err := os.Stat(h.path(name))
	h.must(err)
	return stat.Sys().(*syscall.Stat_t).Ino
}

// What alice puts in the place of what purser reads and writes leads to mallory, and to root.
func TestLinksOfAUserReachNothingThatHeMayNot(t *testing.T) {
	h := newHouse(t)
	h.own(mallory, "other/needs-restart.d/mark", "other/REVISION", "other/file")
	h.must(os.Chmod(h.path("other"), 0o755))
	root := h.path("app")

	for _, secret := range []string{"/etc/shadow", h.path("other/file"), h.path("other/REVISION")} {
		h.link(secret, "app/REVISION")
		if got := h.disk.Revision(root); got != "" {
			t.Errorf("%s is the revision: %q", secret, got)
		}
		for _, name := range []string{"robots.txt", "deep/robots.txt"} {
			h.own(alice, "app/public/deep/")
			h.link(secret, "app/public/"+name)
			if f, err := h.disk.OpenStatic(root, "public", name); err == nil {
				t.Errorf("%s is served", secret)
				f.Close()
			}
		}
		before := h.text(secret)
		h.link(secret, "app/log/app.log")
		if f, err := h.disk.OpenLog(root, "log/app.log"); err == nil {
			t.Errorf("%s is a log", secret)
			f.Close()
		}
		h.link(secret, "app/tmp/restart.status")
		h.must(h.disk.WriteStatus(root, "tmp", []byte("done"))) // the link is replaced
		if h.text(secret) != before {
			t.Errorf("%s was written to", secret)
		}
	}
	h.link(h.path("other"), "app/tmp")
	if err := h.disk.WriteStatus(root, "tmp", []byte("done")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("restart.status: %v", err)
	}
	if err := h.disk.WriteMark(root, "x"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a mark: %v", err)
	}
	if seen, err := disk.Look(disk.Own, h.path("other/needs-restart.d/mark")); err != nil {
		t.Error(err)
	} else if err := h.disk.RemoveMark(h.path("other/needs-restart.d/mark"), seen); err == nil {
		t.Error("another user's mark was removed")
	}
	if entries, err := os.ReadDir(h.path("other")); err != nil || len(entries) != 3 {
		t.Errorf("the folder of another user has %v, %v", entries, err)
	}
}

func (h *house) text(path string) string {
	h.Helper()
	text, err := os.ReadFile(path)
	h.must(err)
	return string(text)
}

func TestAReleaseMayBeElsewhereAndAFormerOneBesideIt(t *testing.T) {
	h := newHouse(t, func(g *Grants) { g.Roots = []string{g.Roots[0] + "/current"} })
	h.own(alice, "app/releases/1/REVISION", "app/releases/2/REVISION", "app/secret/REVISION")
	h.link("releases/2", "app/current")
	for name, want := range map[string]string{"current": "app/releases/2/REVISION", "releases/2": "app/releases/2/REVISION",
		"releases/1": "app/releases/1/REVISION", "secret": "", "releases/2/../../secret": "", "": ""} {
		if got := h.disk.Revision(h.path("app/" + name)); got != want {
			t.Errorf("%s: the revision is %q, want %q", name, got, want)
		}
	}
	h.link("secret", "app/current") // and now it is a release
	if got := h.disk.Revision(h.path("app/secret")); got == "" {
		t.Error("where the root leads to is no release")
	}
	if got := h.disk.Revision(h.path("app/releases/2")); got == "" {
		t.Error("where the root led to is no release any more")
	}
}

func TestWhatIsAReleaseOfARoot(t *testing.T) {
	for _, c := range []struct {
		root, real, folder string
		is                 bool
	}{
		{"/srv/app", "/srv/app", "/srv/app", true}, {"/srv/app", "/srv/app", "/srv/other", false},
		{"/srv/app/current", "/srv/app/releases/7", "/srv/app/releases/7", true}, {"/srv/app/current", "/srv/app/releases/7", "/srv/app/releases/6", true},
		{"/srv/app/current", "/srv/app/releases/7", "/srv/app/releases", false}, {"/srv/app/current", "/srv/app/releases/7", "/srv/app/releases/6/x", false},
		{"/srv/current/app", "/srv/releases/7/app", "/srv/releases/6/app", true}, {"/srv/current/app", "/srv/releases/7/app", "/srv/releases/6/other", false},
		{"/srv/app", "/app", "/etc", false}, {"/srv/app", "/home/app", "/etc/app", false},
	} {
		if is := isReleaseOf(c.root, c.real, c.folder); is != c.is {
			t.Errorf("%s, which leads to %s, has %s as a release: %v", c.root, c.real, c.folder, is)
		}
	}
}

// What nobody has granted is refused, though the user may do it.
func TestWhatIsNotGrantedIsRefused(t *testing.T) {
	h := newHouse(t)
	h.own(alice, "other/needs-restart.d/mark", "other/REVISION", "other/public/x", "app/config/master.key", "app/log/other.log")
	app, other := h.path("app"), h.path("other")
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := h.disk.OpenStatic(other, "public", "x")
	refused("a static file of another folder", err)
	_, err = h.disk.OpenStatic(app, "config", "master.key")
	refused("a file that is not static", err)
	_, err = h.disk.OpenStatic(app, "public", "../config/master.key")
	refused("a file above", err)
	_, err = h.disk.OpenLog(app, "log/other.log")
	refused("a file that is no log", err)
	_, err = h.disk.OpenLog(app, "log/../config/master.key")
	refused("another that is none", err)
	refused("restart.status elsewhere", h.disk.WriteStatus(other, "tmp", nil))
	refused("restart.status above", h.disk.WriteStatus(app, "..", nil))
	refused("restart.status anywhere", h.disk.WriteStatus(app, other, nil))
	refused("a mark elsewhere", h.disk.WriteMark(other, "x"))
	_, _, err = h.disk.Marks(other)
	refused("marks elsewhere", err)
	refused("what is no mark", h.disk.RemoveMark(h.path("app/config/master.key"), disk.Info{}))
	if seen := h.disk.Search(other, []disk.Glob{{"**", "*"}}); len(seen.Files) > 0 || !seen.Partial {
		t.Errorf("found elsewhere is %+v", seen)
	}
	if _, err := os.Stat(h.path("app/config/master.key")); err != nil {
		t.Error(err)
	}
}

// What an app may have sent lies in a folder of its releases, or elsewhere.
func TestFilesAreSentFromFoldersThatAreGranted(t *testing.T) {
	h := newHouse(t, func(g *Grants) {
		g.Roots = append(g.Roots, beside(g.Roots[0], "current"))
		g.Folders = []string{beside(g.Roots[0], "storage"), beside(g.Roots[0], "current/files"), g.Roots[0]}
	})
	h.own(alice, "storage/a/b.txt", "app/public/x.txt", "other/b.txt", "releases/1/files/old.txt", "releases/2/files/new.txt", "releases/1/secret/x")
	h.must(os.Symlink(h.path("releases/2"), h.path("current")))
	h.must(os.Symlink(h.path("other/b.txt"), h.path("storage/link.txt")))
	for _, sent := range [][2]string{{"storage", "a/b.txt"}, {"current/files", "new.txt"}, {"releases/2/files", "new.txt"}, {"releases/1/files", "old.txt"}, {"app", "public/x.txt"}} {
		f, err := h.disk.OpenBelow(h.path(sent[0]), sent[1])
		if err != nil {
			t.Errorf("%q: %v", sent, err)
			continue
		}
		f.Close()
	}
	for _, refused := range [][2]string{{"other", "b.txt"}, {"storage", "link.txt"}, {"storage", "../other/b.txt"}, {"storage", "a"}, {"releases/1/secret", "x"}, {".", "other/b.txt"}} {
		if f, err := h.disk.OpenBelow(h.path(refused[0]), refused[1]); err == nil {
			t.Errorf("%q is sent", refused)
			f.Close()
		}
	}
	if _, err := h.disk.OpenStatic(h.path("."), "storage", "a/b.txt"); err != nil {
		t.Errorf("a further folder of static files: %v", err)
	}
}

// beside is what lies beside the first root.
func beside(root, name string) string { return filepath.Join(filepath.Dir(root), name) }

func TestARestartFileMayBeNamedElsewhere(t *testing.T) {
	h := newHouse(t, func(g *Grants) { g.Statuses = []string{filepath.Dir(g.Roots[0]) + "/elsewhere"} })
	h.own(alice, "elsewhere/")
	h.must(h.disk.WriteStatus(h.path("app"), h.path("elsewhere"), []byte("done")))
	if text := h.text(h.path("elsewhere/restart.status")); text != "done" {
		t.Errorf("it is %q", text)
	}
}

func TestNothingIsWaitedForButRegularFiles(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"app/REVISION", "app/public/pipe", "app/log/app.log", "app/tmp/restart.status"} {
		h.must(unix.Mkfifo(h.path(name), 0o600))
		h.must(os.Chown(h.path(name), alice, alice))
	}
	if got := h.disk.Revision(h.path("app")); got != "" {
		t.Errorf("the revision is %q", got)
	}
	if _, err := h.disk.OpenStatic(h.path("app"), "public", "pipe"); err == nil {
		t.Error("a pipe is served")
	}
	if _, err := h.disk.OpenLog(h.path("app"), "log/app.log"); err == nil {
		t.Error("a pipe is a log")
	}
	h.must(h.disk.WriteStatus(h.path("app"), "tmp", []byte("done")))
	if _, count := h.last(); count != 1 {
		t.Errorf("%d helpers were needed", count)
	}
}

func TestAChangeIsToldByTheUsersOwnInotify(t *testing.T) {
	h := newHouse(t)
	inotify, err := h.disk.Inotify()
	h.must(err)
	defer inotify.Close()
	watch, _, err := h.disk.Watch(inotify, h.path("app/tmp"), unix.IN_CREATE)
	h.must(err)
	pid, _ := h.last()
	h.must(syscall.Kill(pid, syscall.SIGKILL)) // it outlives its helper
	second, _, err := h.disk.Watch(inotify, h.path("app/log"), unix.IN_CREATE)
	if err != nil || second == watch {
		t.Errorf("another watch is %d, %v", second, err)
	}
	h.own(alice, "app/tmp/restart.txt")
	buffer := make([]byte, 4096)
	if n, err := inotify.Read(buffer); err != nil || !strings.Contains(string(buffer[:n]), "restart.txt") {
		t.Errorf("told is %q, %v", buffer[:max(n, 0)], err)
	}
	if _, _, err := h.disk.Watch(inotify, "/root", unix.IN_CREATE); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("root's folder is watched: %v", err)
	}
}
