package restart

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// followed is a site whose file is watched, but not looked at.
func followed(t *testing.T) (*site, *folders, <-chan told) {
	t.Helper()
	s := newSite(t)
	s.put(currentFile)
	s.put("releases/1/app.log")
	s.put("releases/1/tmp/cache")
	s.watched()
	told := make(chan told)
	i, err := newInotify(disk.Own, told)
	s.must(err)
	t.Cleanup(i.close)
	f := newFolders(i)
	s.must(f.follow(s.files[0]))
	return s, f, told
}

func TestWritesOfAnAppAreNotTold(t *testing.T) {
	s, f, told := followed(t)
	for _, name := range []string{"releases/1/app.log", "releases/1/tmp/cache"} {
		s.must(os.WriteFile(s.path(name), []byte("busy"), 0o600))
		s.touch(name)
		s.must(os.Chmod(s.path(name), 0o644))
		s.remove(name)
	}
	s.touch(currentFile)
	for _, e := range (<-told).events {
		if files, _ := f.concerns(e); len(files) != 1 {
			t.Errorf("told of %+v", e)
		}
	}
}

func TestAFileOnALocalDiskIsNotPolled(t *testing.T) {
	s, f, _ := followed(t)
	if !s.files[0].sure {
		t.Skip("the scratch folder is on a file system that inotify does not know well")
	}
	for len(s.files) < 120 {
		other := *s.files[0]
		s.files = append(s.files, &other)
	}
	l := newLane(t.Context(), s.Watcher, s.files[0].disk)
	defer l.end()
	looked := map[*file]int{}
	for range sweep {
		due := l.due()
		if len(due) != 2 {
			t.Fatalf("%d of 120 files are looked at in one poll, want 2", len(due))
		}
		for _, f := range due {
			looked[f]++
		}
	}
	if len(looked) != 120 {
		t.Errorf("%d files had their turn, want all", len(looked))
	}
	few := s.files[:1]
	s.files, few = few, s.files
	if due := slices.Concat(l.due(), l.due(), l.due()); len(due) > 1 {
		t.Errorf("the only file of a user is looked at %d times in 3 polls", len(due))
	}
	s.files = few
	s.files[7].sure = false
	s.live.Store(s.path("releases/1"))
	if due := l.due(); len(due) != 120 {
		t.Errorf("another release is live, and %d are looked at", len(due))
	}
	if err := f.follow(s.files[0]); err != nil || !s.files[0].sure {
		t.Errorf("not all is seen any more: %v", err)
	}
}

func TestATouchLooksAtNoOtherApp(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	looks := make(chan string, 1000)
	var apps []conf.App
	for i := range 20 {
		root := s.path(fmt.Sprint("other", i))
		s.must(os.MkdirAll(root+"/tmp", 0o700))
		apps = append(apps, conf.App{Name: fmt.Sprint("other", i), Root: root, Restart: conf.Restart{File: "tmp/restart.txt"}})
	}
	apps = append(apps, conf.App{Name: "blog", Root: s.path("current"), Restart: conf.Restart{File: "tmp/restart.txt"}})
	s.Watcher = New(apps, func(app string) string { looks <- app; return "" },
		func(app, reason string) { s.asked <- app + ": " + reason }, hclog.NewNullLogger())
	s.poll = time.Hour
	s.run()
	s.touch(currentFile)
	s.expect("touched")
	for len(looks) > 0 {
		<-looks
	}
	s.touch(currentFile)
	s.expect("touched")
	for len(looks) > 0 {
		if app := <-looks; app != "blog" {
			t.Fatalf("blog was touched, and %s is looked at", app)
		}
	}
}

func TestInotifySeesAFolderOnTheWayReplaced(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.must(os.MkdirAll(s.path("next/1/tmp"), 0o700))
	s.put("next/1/tmp/restart.txt")
	s.watched().run()
	s.touch(currentFile)
	s.expect("touched")
	s.must(os.Rename(s.path("releases"), s.path("old")))
	s.must(os.Rename(s.path("next"), s.path("releases")))
	s.expect("replaced")
	s.touch(currentFile)
	s.expect("touched")
}

func TestWhatTheAppMadeItselfIsNoOrder(t *testing.T) {
	s := newSite(t).watched()
	byItself := true
	s.Made = func(app, release, file string) bool {
		if app != "blog" || release != s.path("current") || file != "tmp/restart.txt" {
			t.Errorf("asked about %q %q %q", app, release, file)
		}
		return byItself
	}
	s.put(currentFile)
	s.sees("")
	s.touch(currentFile)
	s.sees("touched")
	s.remove(currentFile)
	s.sees("")
	byItself = false
	s.put(currentFile)
	s.sees("created")
}
