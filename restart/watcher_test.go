package restart

import (
	"os"
	"testing"
	"time"

	"purser/conf"

	"github.com/hashicorp/go-hclog"
)

const (
	currentFile = "current/tmp/restart.txt"
	firstFile   = "releases/1/tmp/restart.txt"
	secondFile  = "releases/2/tmp/restart.txt"
)

// anyReason is for what can be seen in more ways than one: that a file was away for a moment can be
// missed, and the new one may have got its inode.
var anyReason = []string{"created", "replaced", "touched"}

func TestTouched(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched().sees("")
	s.touch(currentFile)
	s.sees("touched")
	s.sees("")
}

func TestTouchedBackwards(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched()
	s.must(os.Chtimes(s.path(currentFile), time.Time{}, time.Unix(1e9, 0)))
	s.sees("touched")
}

func TestTouchedByANanosecond(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.must(os.Chtimes(s.path(currentFile), time.Time{}, time.Unix(1e9, 1)))
	s.watched()
	s.must(os.Chtimes(s.path(currentFile), time.Time{}, time.Unix(1e9, 2)))
	s.sees("touched")
}

func TestReplacedByAFileOfTheSameTime(t *testing.T) {
	s := newSite(t)
	for _, file := range []string{currentFile, "next.txt"} {
		s.put(file)
		s.must(os.Chtimes(s.path(file), time.Time{}, time.Unix(1e9, 0)))
	}
	s.watched()
	s.must(os.Rename(s.path("next.txt"), s.path(currentFile)))
	s.sees("replaced")
}

func TestCreatedCountsAndDeletedDoesNot(t *testing.T) {
	s := newSite(t).watched()
	s.put(currentFile)
	s.sees("created")
	s.remove(currentFile)
	s.sees("")
	s.put(currentFile)
	s.sees("created")
}

func TestNothingIsEverCreated(t *testing.T) {
	s := newSite(t)
	s.remove("releases/1/tmp")
	s.watched().sees("")
	if entries, err := os.ReadDir(s.path("current")); err != nil || len(entries) > 0 {
		t.Errorf("the release has %v, %v; want nothing", entries, err)
	}
}

func TestFlippedToAReleaseWithAnotherFile(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.deploy("2")
	s.put(secondFile)
	s.watched()
	s.flip("2")
	s.sees("replaced")
	s.flip("1")
	s.sees("replaced")
}

func TestFlippedToAReleaseWithoutAFile(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.deploy("2")
	s.watched()
	s.flip("2")
	s.sees("")
	s.put(currentFile)
	s.sees("created")
}

// A plain `ln -sfn` takes the link away for a moment.
func TestFlippedWithAGap(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched()
	s.remove("current")
	s.sees("")
	s.flip("1")
	s.sees("")
	s.remove("current")
	s.sees("")
	s.deploy("2")
	s.put(secondFile)
	s.flip("2")
	s.sees("replaced")
}

func TestFlippedBetweenReleasesThatShareTheFile(t *testing.T) {
	s := newSite(t)
	s.must(os.MkdirAll(s.path("shared"), 0o700))
	for _, release := range []string{"1", "2"} {
		s.deploy(release)
		s.remove("releases/" + release + "/tmp")
		s.must(os.Symlink(s.path("shared"), s.path("releases/"+release+"/tmp")))
	}
	s.put("shared/restart.txt")
	s.watched()
	s.flip("2")
	s.sees("")
	s.touch("shared/restart.txt")
	s.sees("touched")
}

func TestOneFileByTwoPathsAsksOnce(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.live.Store(s.path("releases/1"))
	s.watched()
	s.touch(firstFile)
	s.sees("touched")
	s.sees("")
	s.put(firstFile)
	s.sees("replaced")
	s.sees("")
}

// The touch may come when one of the two paths has been looked at.
func TestATouchBetweenTheTwoLooksAsksOnce(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.live.Store(s.path("releases/1"))
	s.watched()
	early := s.files[0].configured
	s.touch(currentFile)
	s.sees("touched")
	s.files[0].configured = early
	s.sees("")
}

func TestTheLiveReleaseIsWatchedToo(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.deploy("2")
	s.live.Store(s.path("releases/1"))
	s.flip("2")
	s.watched()
	s.touch(firstFile)
	s.sees("touched")
	s.remove(firstFile)
	s.sees("")
	s.put(firstFile)
	s.sees("created")
}

func TestAnotherReleaseGoingLiveAsksForNothing(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.deploy("2")
	s.put(secondFile)
	s.deploy("3")
	s.flip("3")
	s.watched()
	for _, release := range []string{"1", "2", "3"} {
		s.live.Store(s.path("releases/" + release))
		s.sees("")
	}
	s.touch(secondFile)
	s.sees("")
}

func TestAReleaseThatIsDeletedAsksForNothing(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.deploy("2")
	s.flip("2")
	s.live.Store(s.path("releases/1"))
	s.watched()
	s.hold(firstFile) // a new file of its inode would be taken for itself, touched
	s.remove("releases/1")
	s.sees("")
	s.put(currentFile)
	s.sees("created")
}

func TestAFolderThatCannotBeLookedIntoIsAsBefore(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.watched()
	s.must(os.Rename(s.path("releases/1/tmp"), s.path("kept")))
	s.must(os.Symlink("tmp", s.path("releases/1/tmp"))) // ELOOP
	s.sees("")
	s.remove("releases/1/tmp")
	s.must(os.Rename(s.path("kept"), s.path("releases/1/tmp")))
	s.sees("")
}

func TestAnAppWithoutARestartFileIsNotWatched(t *testing.T) {
	live := func(string) string { t.Error("asked for its release"); return "" }
	w := New([]conf.App{{Name: "a", Root: t.TempDir()}}, live, nil, hclog.NewNullLogger())
	if len(w.files) > 0 {
		t.Errorf("%d files are watched", len(w.files))
	}
}

func TestAnAppMayComeAndGoWhileOthersAreWatched(t *testing.T) {
	s := newSite(t).watched().run()
	s.deploy("2")
	s.Add(conf.App{Name: "shop", Root: s.path("releases/2"), Restart: conf.Restart{File: "tmp/restart.txt"}}, nil)
	s.put("releases/2/tmp/restart.txt")
	if got := <-s.asked; got != "shop: tmp/restart.txt created" {
		t.Errorf("the app that came is restarted for %q", got)
	}
	s.Remove("shop")
	s.put(currentFile)
	s.expect("created")
	s.touch(currentFile)
	s.expect("touched") // what was under way when the app went has come by now
	s.put("releases/2/tmp/restart.txt")
	s.touch(currentFile)
	s.expect("touched")
}
