package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// watches has the watchers run until the test ends.
func (s *site) watches() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Run(ctx) }()
	s.Cleanup(func() { cancel(); <-ended })
}

func (s *site) isNoticed(app string) bool {
	s.noticing.Lock()
	defer s.noticing.Unlock()
	return s.noticed[app]
}

func (s *site) write(path string) {
	s.Helper()
	s.must(os.WriteFile(filepath.Join(s.dir, path), nil, 0o600))
}

func (s *site) remove(path string) {
	s.Helper()
	if err := os.Remove(filepath.Join(s.dir, path)); !errors.Is(err, fs.ErrNotExist) {
		s.must(err)
	}
}

func TestTheNoticeOfAnAppIsSeenToComeAndGo(t *testing.T) {
	s := newSite(t)
	s.watches()
	if s.isNoticed("blog") {
		t.Error("it is there before it was written")
	}
	const notice = "blog/current/tmp/maintenance.txt"
	for range 3 {
		s.write(notice)
		s.eventually("it is seen", func() bool { return s.isNoticed("blog") })
		s.remove(notice)
		s.eventually("it is seen to be gone", func() bool { return !s.isNoticed("blog") })
	}
}

func TestANoticeThatIsThereAtTheStartIsKnownAtOnce(t *testing.T) {
	s := newSite(t)
	s.deploy("shop", "1")
	s.write("shop/current/tmp/maintenance.txt")
	s.add("shop")
	if !s.isNoticed("shop") || s.isNoticed("blog") {
		t.Errorf("known are the notices %v", s.noticed)
	}
}

func TestANoticeInTheReleaseThatServesHoldsUntilTheNextDoes(t *testing.T) {
	s := newSite(t)
	s.watches()
	s.write("blog/1/tmp/maintenance.txt")
	s.eventually("it is seen", func() bool { return s.isNoticed("blog") })
	s.deploy("blog", "2")
	a := s.apps["blog"]
	if there, known := a.hasNotice(); !there || !known {
		t.Error("it is gone though its release serves")
	}
	s.must(os.Remove(filepath.Join(s.dir, "blog/1/tmp/maintenance.txt")))
	s.eventually("it is seen to be gone", func() bool { return !s.isNoticed("blog") })
	s.write("blog/2/tmp/maintenance.txt")
	s.eventually("that of the new release is seen before it serves", func() bool { return s.isNoticed("blog") })
}

func TestANoticeMayBeAnotherFileFromNowOn(t *testing.T) {
	s := newSite(t)
	s.watches()
	s.write("blog/1/closed")
	to := s.apps["blog"].now()
	to.Maintenance.File = "closed"
	s.apps["blog"].Change(to, 1)
	if !s.isNoticed("blog") {
		t.Error("it is not known at once")
	}
	to.Maintenance.File = ""
	s.apps["blog"].Change(to, 1)
	if s.isNoticed("blog") {
		t.Error("the app has none, and it is there")
	}
}

func TestWhatAnOperatorWantsOfAnAppIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purser.json")
	d := &Deployer{memo: readMemo(path, nil)}
	d.SetPaused("blog", true)
	d.SetMaintained("shop", true)
	d.SetStopped("old", true)
	again := &Deployer{memo: readMemo(path, nil)}
	if !again.IsPaused("blog") || again.IsPaused("shop") || !again.IsMaintained("shop") || !again.IsStopped("old") {
		t.Errorf("what is known is %+v", again.memo.known)
	}
	again.SetPaused("blog", false)
	again.Forget("shop")
	last := &Deployer{memo: readMemo(path, nil)}
	if last.IsPaused("blog") || last.IsMaintained("shop") || !last.IsStopped("old") {
		t.Errorf("in the end it is %+v", last.memo.known)
	}
}
