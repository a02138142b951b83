package restart

// Inotify alone tells in these tests, as watched turns the poll off, but where one says otherwise.

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/restart/disk"
)

func TestInotifyTellsAtOnce(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched().run()
	for range 10 {
		s.touch(currentFile)
		s.expect("touched")
	}
	s.remove(currentFile)
	s.put(currentFile)
	s.expect(anyReason...)
}

func TestWhatChangesBeforeRunIsSeenWhenItBegins(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched()
	s.touch(currentFile)
	s.run().expect("touched")
}

func TestInotifySeesTmpComeAndGo(t *testing.T) {
	s := newSite(t)
	s.remove("releases/1/tmp")
	s.watched().run()
	for range 10 {
		s.must(os.Mkdir(s.path("current/tmp"), 0o700))
		s.put(currentFile)
		s.expect(anyReason...)
		s.must(os.Rename(s.path("current/tmp"), s.path("current/old")))
		s.must(os.Mkdir(s.path("current/tmp"), 0o700))
		s.put(currentFile)
		s.expect(anyReason...)
		s.remove("current/old")
		s.remove("current/tmp")
	}
}

func TestInotifySeesAFlip(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.deploy("2")
	s.put(secondFile)
	s.watched().run()
	for range 5 {
		s.flip("2")
		s.expect("replaced")
		s.touch(secondFile)
		s.expect("touched")
		s.flip("1")
		s.expect("replaced")
		s.touch(firstFile)
		s.expect("touched")
	}
}

func TestInotifySeesTheRootComeLater(t *testing.T) {
	s := newSite(t)
	s.remove("current")
	s.remove("releases")
	s.watched().run()
	s.flip("1")
	s.deploy("1")
	f, err := os.Create(s.path(firstFile))
	s.must(err)
	s.must(f.Close())
	s.expect("created")
}

func TestInotifySeesTheRootReplaced(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.deploy("2")
	s.put(secondFile)
	s.watched().run()
	s.touch(firstFile)
	s.expect("touched")
	s.must(os.Rename(s.path("releases/1"), s.path("releases/0")))
	s.must(os.Rename(s.path("releases/2"), s.path("releases/1")))
	s.expect("replaced")
	s.touch(firstFile)
	s.expect("touched")
}

func TestInotifySeesTheLiveRelease(t *testing.T) {
	s := newSite(t)
	s.put(firstFile)
	s.deploy("2")
	s.put(secondFile)
	s.live.Store(s.path("releases/1"))
	s.flip("2")
	s.watched().run()
	s.touch(firstFile)
	s.expect("touched")
	s.touch(secondFile)
	s.expect("touched")
}

func TestThePollTellsWithoutInotify(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched()
	var said bytes.Buffer
	s.log = hclog.New(&hclog.LoggerOptions{Output: &said, Level: hclog.Warn})
	s.open = func(disk.Disk, chan<- told) (*inotify, error) { return nil, syscall.EMFILE }
	s.poll = 5 * time.Millisecond
	s.Cleanup(func() { // when Run has returned
		if n := strings.Count(said.String(), "by polling"); n != 1 {
			t.Errorf("it is told %d times:\n%s", n, &said)
		}
	})
	s.run()
	for range 3 {
		s.touch(currentFile)
		s.expect("touched")
	}
}

func TestARefusedFolderIsAnError(t *testing.T) {
	s := newSite(t).watched()
	inotify, err := newInotify(disk.Own, make(chan told))
	s.must(err)
	inotify.close()
	if err := newFolders(inotify).follow(s.files[0]); err == nil || s.files[0].sure {
		t.Errorf("follow says %v, and that all is seen: %v", err, s.files[0].sure)
	}
}

func BenchmarkTouchToTrigger(b *testing.B) {
	s := newSite(b)
	s.put(currentFile)
	s.watched().run()
	for b.Loop() {
		s.touch(currentFile)
		s.expect("touched")
	}
}
