package restart

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// foreign is a site whose app belongs to another user than root, who has led something of it to a folder
// of root's. Purser runs as root.
func foreign(t *testing.T, link string) *site {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root is obeyed everywhere")
	}
	s := newSite(t)
	s.must(os.MkdirAll(s.path("victim/needs-restart.d"), 0o755))
	s.put("victim/needs-restart.d/note")
	s.must(os.RemoveAll(s.path(link)))
	s.must(os.Symlink(s.path("victim"), s.path(link)))
	s.must(os.Lchown(s.path(link), 65534, 65534))
	return s
}

func (s *site) mustBeUntouched() {
	s.Helper()
	entries, err := os.ReadDir(s.path("victim"))
	s.must(err)
	marks, err := os.ReadDir(s.path("victim/needs-restart.d"))
	s.must(err)
	if len(entries) != 1 || len(marks) != 1 {
		s.Errorf("the folder of another user has %v, and its marks are %v", entries, marks)
	}
}

func TestRootFollowsNoLinkToTheFolderOfAnotherUser(t *testing.T) {
	s := foreign(t, "releases/1/tmp")
	root := s.path("current")
	if err := WriteStatus(disk.Own, root, "tmp/restart.txt", 1); !errors.Is(err, disk.ErrForeign) {
		t.Errorf("restart.status: %v", err)
	}
	if err := WriteMark(disk.Own, root, "x"); !errors.Is(err, disk.ErrForeign) {
		t.Errorf("a mark: %v", err)
	}
	if marks, err := Marks(disk.Own, root); !errors.Is(err, disk.ErrForeign) || len(marks) > 0 {
		t.Errorf("marks: %v, %v", marks, err)
	}
	s.mustBeUntouched()
}

// The app's user puts a link in the place of the folder after its marks were read.
func TestRootRemovesNoMarksThroughALinkThatCameLater(t *testing.T) {
	s := foreign(t, "releases/1/other")
	s.put("releases/1/tmp/x")
	s.must(os.Mkdir(s.path(firstMarks), 0o755))
	s.must(os.Link(s.path("victim/needs-restart.d/note"), s.path(firstMarks+"/note")))
	marks, err := Marks(disk.Own, s.path("current"))
	s.must(err)
	s.must(os.RemoveAll(s.path("releases/1/tmp")))
	s.must(os.Rename(s.path("releases/1/other"), s.path("releases/1/tmp")))
	if left, err := RemoveMarks(disk.Own, marks); len(left) != 1 || err == nil {
		t.Errorf("left are %v, %v", left, err)
	}
	s.mustBeUntouched()
}

func TestRootFollowsTheLinksOfTheAppsOwnUser(t *testing.T) {
	s := foreign(t, "releases/1/tmp")
	s.must(os.Chown(s.path("victim"), 65534, 65534)) // it is his own
	s.must(WriteStatus(disk.Own, s.path("current"), "tmp/restart.txt", 1))
	s.must(WriteMark(disk.Own, s.path("current"), "x"))
	marks, err := Marks(disk.Own, s.path("current"))
	s.must(err)
	if len(marks) != 2 || !strings.HasPrefix(marks[0].Path, s.path("victim/needs-restart.d")) {
		t.Errorf("marks are %v", marks)
	}
}

// Debian's Redmine has its restart folder outside of its root.
func TestARestartFileElsewhere(t *testing.T) {
	s := newSite(t)
	s.must(os.Mkdir(s.path("elsewhere"), 0o755))
	app := conf.App{Name: "blog", Root: s.path("current"), Restart: conf.Restart{File: s.path("elsewhere/restart.txt")}}
	s.live.Store(s.path("releases/1"))
	s.Watcher = New([]conf.App{app}, func(string) string { return s.live.Load().(string) },
		func(app, reason string) { s.asked <- strings.ReplaceAll(app+": "+reason, s.path("elsewhere"), "tmp") }, hclog.NewNullLogger())
	s.poll = time.Hour
	s.run()
	for range 3 {
		s.put("elsewhere/restart.txt")
		s.expect(anyReason...)
		s.touch("elsewhere/restart.txt")
		s.expect("touched")
		s.remove("elsewhere/restart.txt")
	}
	s.must(WriteStatus(disk.Own, app.Root, app.Restart.File, 1))
	if _, err := os.Stat(s.path("elsewhere/restart.status")); err != nil {
		t.Error(err)
	}
	s.put("elsewhere/always_restart.txt")
	app.Environment = "development"
	if !Always(disk.Own, app) {
		t.Error("always_restart.txt is not found beside it")
	}
}
