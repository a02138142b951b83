package restart

import (
	"context"
	"sync"
	"testing"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// A held way is that of a user who has stopped the process that looks as him. Until it is let go, it answers nothing.
type held struct {
	disk.Disk
	asked chan struct{} // closed when it is asked for the first time after it was held
	held  chan struct{}
	once  *sync.Once
}

func newHeld() held {
	return held{disk.Own, make(chan struct{}), make(chan struct{}), &sync.Once{}}
}

func (h held) wait() {
	h.once.Do(func() { close(h.asked) })
	<-h.held
}

func (h held) Stat(folder string, names ...string) []disk.Stat {
	h.wait()
	return h.Disk.Stat(folder, names...)
}

func (h held) Image(pid int) string { h.wait(); return h.Disk.Image(pid) }

func (h held) Resolve(path string) (string, error) { h.wait(); return h.Disk.Resolve(path) }

// waysOf has an app of that name be another user's.
func waysOf(name string, h held) func(conf.App) disk.Disk {
	return func(app conf.App) disk.Disk {
		if app.Name == name {
			return h
		}
		return disk.Own
	}
}

func TestWhoHoldsUpWhatLooksAfterHisFilesHoldsUpNobodyElse(t *testing.T) {
	s, h := newSite(t), newHeld()
	s.put(currentFile)
	s.watched().poll = time.Millisecond
	s.Disk = waysOf("held", h)
	first := &file{app: "held", disk: h, root: s.path("current"), name: "tmp/restart.txt"} // as if seen before it was held
	s.files = append([]*file{first}, s.files...)
	s.run()
	s.Cleanup(func() { close(h.held) })
	<-h.asked
	for range 3 {
		s.touch(currentFile)
		s.expect("touched")
	}
}

func TestNobodyElseIsLookedAtLater(t *testing.T) {
	s, h := newShop(t, "changed"), newHeld()
	s.start(time.Hour)
	other := s.app
	other.Name = "held"
	c := NewChecker(nil, func(string) []Process { return s.processes("blog") }, func(app, reason string) { s.asked <- app + ": " + reason }, hclog.NewNullLogger())
	c.poll = time.Millisecond
	c.Add(other)
	c.Disk = waysOf("held", h)
	c.Add(s.app)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	defer running.Wait()
	defer cancel()
	defer close(h.held)
	<-h.asked
	s.must(WriteMark(disk.Own, s.app.Root, "libssl"))
	select {
	case got := <-s.asked:
		if got != "blog: marked: libssl" {
			t.Errorf("triggered by %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was triggered")
	}
}

// The lane of a user ends with his last file, and another begins with the next.
func TestAUsersFilesMayComeAndGo(t *testing.T) {
	s := newSite(t)
	s.put(currentFile)
	s.watched().poll = time.Millisecond
	s.Disk = func(app conf.App) disk.Disk {
		return struct{ disk.Disk }{disk.Own}
	}
	s.run()
	app := s.app()
	for range 3 {
		s.Change(app)
		s.touch(currentFile)
		s.expect("touched")
		s.Remove(app.Name)
		s.Add(app, nil)
		s.touch(currentFile)
		s.expect("touched")
		s.Disk = nil
	}
}
