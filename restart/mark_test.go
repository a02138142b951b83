package restart

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

const firstMarks = "releases/1/tmp/needs-restart.d"

// drop puts a mark there, as a package script does.
func (s *site) drop(name, text string) {
	s.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	s.must(os.WriteFile(s.path(name), []byte(text), 0o644))
}

// reasons are those of the marks by some paths, oldest first.
func (s *site) reasons(roots ...string) string {
	s.Helper()
	var found []string
	for _, mark := range s.marks(roots...) {
		found = append(found, mark.Reason)
	}
	return strings.Join(found, ", ")
}

func (s *site) marks(roots ...string) []Mark {
	s.Helper()
	for i, root := range roots {
		roots[i] = s.path(root)
	}
	marks, err := Marks(disk.Own, roots...)
	s.must(err)
	return marks
}

// asOther runs something as a user whom the rights of files hold, which they do not for root.
func (s *site) asOther(f func()) {
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.must(os.Chmod(filepath.Dir(s.dir), 0o755)) // testing's
	s.must(filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if stat, _ := entry.Info(); err == nil && stat.Mode() == fs.ModeDir|0o700 {
			return os.Chmod(path, 0o755)
		}
		return err
	}))
	s.must(unix.Setfsuid(65534))
	f()
	s.must(unix.Setfsuid(0))
}

func TestAMarkIsWrittenAndReadAndRemoved(t *testing.T) {
	s := newSite(t)
	before := time.Now().Add(-lag)
	s.must(WriteMark(disk.Own, s.path("current"), "libssl upgraded"))
	marks := s.marks("current")
	if len(marks) != 1 || marks[0].Reason != "libssl upgraded" || filepath.Dir(marks[0].Path) != s.path(firstMarks) {
		t.Fatalf("got %+v", marks)
	}
	if at := marks[0].At; at.Before(before) || at.After(time.Now()) {
		t.Errorf("it came at %v", at)
	}
	for path, want := range map[string]fs.FileMode{marks[0].Path: 0o644, s.path(firstMarks): fs.ModeDir | 0o755} {
		if stat, err := os.Stat(path); err != nil || stat.Mode() != want {
			t.Errorf("mode of %s is %v, %v; want %v", path, stat.Mode(), err, want)
		}
	}
	if left, err := RemoveMarks(disk.Own, marks); err != nil || len(left) > 0 {
		t.Errorf("removing left %v, %v", left, err)
	}
	if entries, err := os.ReadDir(s.path(firstMarks)); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v; want nothing", entries, err)
	}
}

func TestTheMarksFolderBelongsToWhomTmpBelongsTo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	s := newSite(t)
	s.must(os.Chown(s.path("releases/1/tmp"), 65534, 65533))
	defer unix.Umask(unix.Umask(0o077))
	s.must(WriteMark(disk.Own, s.path("current"), ""))
	var stat unix.Stat_t
	s.must(unix.Stat(s.path(firstMarks), &stat))
	if stat.Uid != 65534 || stat.Gid != 65533 || stat.Mode&0o777 != 0o755 {
		t.Errorf("it belongs to %d:%d with mode %o", stat.Uid, stat.Gid, stat.Mode)
	}
}

func TestTheReasonOfAMark(t *testing.T) {
	for text, want := range map[string]string{
		"libssl upgraded":               "libssl upgraded",
		"\n two \n lines":               "two",
		"red \x1b[31m\x00":              "red [31m",
		"":                              "marked without a reason",
		strings.Repeat("a", 300):        strings.Repeat("a", 200),
		strings.Repeat("a", 199) + "üü": strings.Repeat("a", 199),
	} {
		s := newSite(t)
		s.must(WriteMark(disk.Own, s.path("current"), text))
		if got := s.reasons("current"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestTheReasonOfADroppedMark(t *testing.T) {
	s := newSite(t)
	for name, text := range map[string]string{"libssl": "", "openssl": "3.0.2 to 3.0.3\nby apt\n", "zlib": "\x1b\n"} {
		s.drop(firstMarks+"/"+name, text)
	}
	for _, want := range []string{"libssl", "3.0.2 to 3.0.3", "zlib"} {
		if got := s.reasons("current"); !slices.Contains(strings.Split(got, ", "), want) {
			t.Errorf("got %q, want %q among them", got, want)
		}
	}
}

func TestWhatIsNoMark(t *testing.T) {
	s := newSite(t)
	s.drop("secret", "read from outside")
	s.drop(firstMarks+"/.draft", "not yet")
	s.drop(firstMarks+"/folder/file", "deep")
	s.must(os.Symlink(s.path("secret"), s.path(firstMarks+"/link")))
	s.must(unix.Mkfifo(s.path(firstMarks+"/pipe"), 0o644))
	if got := s.reasons("current"); got != "" {
		t.Errorf("got %q, want none", got)
	}
}

func TestMarksAreNotFollowedOutOfTmp(t *testing.T) {
	s := newSite(t)
	s.drop("elsewhere/libssl", "")
	s.must(os.Symlink(s.path("elsewhere"), s.path(firstMarks)))
	if marks, err := Marks(disk.Own, s.path("current")); err == nil || len(marks) > 0 {
		t.Errorf("got %v, %v; want an error", marks, err)
	}
	if err := WriteMark(disk.Own, s.path("current"), "x"); err == nil {
		t.Error("a mark was written outside of tmp")
	}
}

func TestAPipeInPlaceOfAFolderIsAnError(t *testing.T) {
	for _, name := range []string{"releases/1/tmp", firstMarks} {
		s := newSite(t)
		s.must(os.RemoveAll(s.path(name)))
		s.must(unix.Mkfifo(s.path(name), 0o644))
		if marks, err := Marks(disk.Own, s.path("current")); err == nil || len(marks) > 0 {
			t.Errorf("%s: got %v, %v; want an error", name, marks, err)
		}
		if err := WriteMark(disk.Own, s.path("current"), "x"); err == nil || !strings.Contains(err.Error(), "a folder that you can write to") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestMarksOfTheConfiguredRootAndOfTheLiveRelease(t *testing.T) {
	s := newSite(t)
	s.drop(firstMarks+"/a", "old")
	if got := s.reasons("current", "releases/1", ""); got != "old" {
		t.Errorf("by two paths to one folder: got %q, want old", got)
	}
	s.deploy("2")
	s.flip("2")
	s.drop("releases/2/tmp/needs-restart.d/a", "new")
	if got := s.reasons("current", "releases/1"); got != "old, new" {
		t.Errorf("of two folders: got %q", got)
	}
	s.remove("releases/1")
	if got := s.reasons("current", "releases/1"); got != "new" {
		t.Errorf("of a release that is gone: got %q", got)
	}
}

func TestMarksInASharedTmp(t *testing.T) {
	s := newSite(t)
	s.must(os.Mkdir(s.path("shared"), 0o755))
	for _, release := range []string{"1", "2"} {
		s.deploy(release)
		s.remove("releases/" + release + "/tmp")
		s.must(os.Symlink("../../shared", s.path("releases/"+release+"/tmp")))
	}
	s.must(WriteMark(disk.Own, s.path("current"), "libssl"))
	s.flip("2")
	marks := s.marks("current", "releases/1")
	if len(marks) != 1 || filepath.Dir(marks[0].Path) != s.path("shared/needs-restart.d") {
		t.Fatalf("got %+v, want one", marks)
	}
	s.remove("releases/1")
	if left, err := RemoveMarks(disk.Own, marks); err != nil || len(left) > 0 || s.reasons("current") != "" {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestAMarkThatCannotBeWrittenSaysWhatToDo(t *testing.T) {
	s := newSite(t)
	err := WriteMark(disk.Own, s.path("none"), "x")
	if want := "cannot mark the app, as there is no folder " + s.path("none/tmp") + "; create it, owned by the app's user"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.must(os.Chmod(s.path("releases/1/tmp"), 0o500))
	s.asOther(func() { err = WriteMark(disk.Own, s.path("releases/1"), "x") })
	if err == nil || !strings.HasSuffix(err.Error(), "/tmp/needs-restart.d; do it as the owner of that folder, or as root") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderThatCannotBeLookedIntoIsAnError(t *testing.T) {
	s := newSite(t)
	s.must(WriteMark(disk.Own, s.path("current"), "libssl"))
	s.must(os.Chmod(s.path(firstMarks), 0))
	s.deploy("2")
	s.must(WriteMark(disk.Own, s.path("releases/2"), "zlib"))
	s.asOther(func() {
		marks, err := Marks(disk.Own, s.path("releases/1"), s.path("releases/2"))
		if err == nil || len(marks) != 1 || marks[0].Reason != "zlib" {
			t.Errorf("got %v, %v; want the other's mark beside an error", marks, err)
		}
	})
	s.must(os.Chmod(s.path(firstMarks), 0o755))
}
