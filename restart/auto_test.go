package restart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/restart/disk"
)

// What comes after the request is not for the restart that was requested.
func TestAMarkAfterTheRequestSurvivesIt(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Minute)
	s.drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	marks := s.Requested("blog")
	s.start(time.Minute)
	s.drop(firstMarks+"/zlib", "")
	s.serve = s.serve[1:]
	s.Settled("blog", marks)
	s.expects(time.Second, "")
	s.needs("mark zlib [102]")
	s.expects(time.Second, "marked: zlib")
	if got := s.reasons("current"); got != "zlib" {
		t.Errorf("marks are %q, want zlib", got)
	}
}

func TestTenMarksAreOneRestart(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	for i := range 10 {
		s.drop(fmt.Sprint(firstMarks, "/package", i), "")
		s.expects(200*time.Millisecond, "")
	}
	if rest := s.look(s.Checker.apps[0]); rest != s.app.Restart.Settle {
		t.Errorf("looks again in %v, want when it can be quiet", rest)
	}
	got := func() string {
		s.time = s.time.Add(250 * time.Millisecond)
		s.look(s.Checker.apps[0])
		return <-s.asked
	}()
	if !strings.HasPrefix(got, "blog: marked: package") || !strings.HasSuffix(got, ", and 9 more") {
		t.Errorf("triggered by %q", got)
	}
	for range 10 {
		s.expects(time.Minute, "")
	}
	marks := s.Requested("blog")
	s.replace(-time.Minute)
	s.Settled("blog", marks)
	s.expects(time.Minute, "")
	s.needs()
	if len(marks) != 10 || s.reasons("current") != "" {
		t.Errorf("%d marks were settled, %s are left", len(marks), s.reasons("current"))
	}
	if a := s.Checker.apps[0]; len(a.came)+len(a.settled)+len(a.stale) > 0 {
		t.Errorf("what is gone is still remembered: %v, %v, %v", a.came, a.settled, a.stale)
	}
}

func TestAFailedRestartIsNotTriedAgain(t *testing.T) {
	s := newShop(t, "changed", "lib/*.rb").opened()
	s.start(time.Hour)
	s.make("releases/1/lib/a.rb")
	s.must(WriteMark(disk.Own, s.app.Root, "libssl"))
	s.expects(time.Second, "")
	s.touch("releases/1/lib/a.rb") // by no more than a second
	s.expects(100*time.Millisecond, "")
	s.expects(249*time.Millisecond, "")
	s.time = s.time.Add(time.Millisecond)
	s.look(s.Checker.apps[0])
	if got := <-s.asked; !strings.HasSuffix(got, ", and 1 more") {
		t.Errorf("triggered by %q", got)
	}
	for range 100 {
		s.expects(time.Second, "")
	}
	s.drop(firstMarks+"/zlib", "")
	s.expects(time.Second, "")
	s.remove(firstMarks + "/zlib") // is nothing new
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	s.make("releases/1/lib/b.rb") // the repair
	s.touch("releases/1/lib/b.rb")
	s.expects(time.Second, "")
	s.expects(time.Second, "lib/b.rb added, and 1 more")
	s.expects(time.Hour, "")
}

// A failed release is flipped back, or flipped to once more: each is a deploy.
func TestEachFlipIsNew(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.deploy("2")
	for range 2 {
		s.flip("2")
		s.expects(time.Second, "")
		s.expects(time.Second, "current leads to RELEASES/2")
		s.expects(time.Hour, "")
	}
	s.flip("1")
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	s.needs()
}

// A deploy script flips and restarts by itself.
func TestWhatARestartWasRequestedForTriggersNoOther(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.must(WriteMark(disk.Own, s.app.Root, "libssl"))
	s.deploy("2")
	s.flip("2")
	s.expects(time.Second, "")
	s.Requested("blog")
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	if got := len(s.Needs("blog")); got != 2 {
		t.Errorf("needs are %v, want both, as nothing was done", s.Needs("blog"))
	}
}

// Run may be looking when a restart is requested.
func TestALookFromBeforeARequestIsNoNews(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.touch("releases/1/Gemfile.lock")
	s.expects(time.Second, "")
	a := s.Checker.apps[0]
	s.time = s.time.Add(time.Minute)
	early := s.see(a, s.processes("blog"), Print{})
	s.touch("releases/1/Gemfile.lock")
	s.time = s.time.Add(time.Millisecond)
	s.Requested("blog")
	if reason := a.record(early, s.processes("blog")); reason != "" {
		t.Errorf("triggered by %q", reason)
	}
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
}

func TestARequestWithoutARootForgetsNothing(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.touch("releases/1/Gemfile.lock")
	s.expects(time.Second, "")
	s.expects(time.Second, "Gemfile.lock changed")
	s.must(os.Rename(s.path("current"), s.path("away")))
	s.Requested("blog") // and refused, as there is nothing to start
	s.must(os.Rename(s.path("away"), s.path("current")))
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
}

// A rollback stays, though the disk has newer code.
func TestNothingRollsForwardAfterARollback(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	old := slices.Clone(s.serve)
	s.deploy("2")
	s.flip("2")
	s.expects(time.Second, "")
	s.expects(time.Second, "current leads to RELEASES/2")
	s.Requested("blog")
	s.replace(-time.Minute)
	s.expects(time.Second, "")
	s.needs()
	s.Requested("blog") // the rollback
	s.serve = old
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	s.needs("changed current leads to RELEASES/2 [101]")
}

func TestWhatWasThereBeforeIsNeededAndNotTriggered(t *testing.T) {
	s := newShop(t, "changed")
	s.start(time.Hour)
	s.touch("releases/1/Gemfile.lock")
	s.must(WriteMark(disk.Own, s.app.Root, "libssl"))
	s.opened()
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	if got := len(s.Needs("blog")); got != 2 {
		t.Errorf("needs are %v", s.Needs("blog"))
	}
}

func TestAutoIsOff(t *testing.T) {
	s := newShop(t, "off").opened()
	s.start(time.Hour)
	s.touch("releases/1/Gemfile.lock")
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	s.needs("changed Gemfile.lock changed [101]")
}

// The Checker runs while it is asked and told from elsewhere.
func TestRunTriggersByItself(t *testing.T) {
	s := newShop(t, "changed")
	s.app.Restart.Settle = 20 * time.Millisecond
	s.start(time.Hour)
	s.opened()
	s.Checker.now = time.Now
	s.Checker.poll = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Checker.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range 5 {
		s.must(WriteMark(disk.Own, s.app.Root, fmt.Sprint("mark ", i)))
		select {
		case got := <-s.asked:
			if !strings.HasPrefix(got, fmt.Sprint("blog: marked: mark ", i)) {
				t.Errorf("triggered by %q", got)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was triggered")
		}
		s.Needs("blog")
		marks := s.Requested("blog")
		s.replace(time.Hour)
		s.Settled("blog", marks)
		s.needs()
	}
	cancel()
	running.Wait()
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
