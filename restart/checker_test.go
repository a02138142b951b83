package restart

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestAFreshAppNeedsNothing(t *testing.T) {
	s := newShop(t, "changed")
	s.start(0)
	s.opened().needs()
	s.expects(0, "")
	s.expects(time.Hour, "")
	s.needs()
	if got := s.Needs("other"); len(got) != 0 {
		t.Errorf("an app that is not there needs %v", got)
	}
}

func TestChangedOnDiskNeedsARestart(t *testing.T) {
	s := newShop(t, "off")
	s.start(time.Minute)
	s.start(time.Minute)
	s.opened().touch("releases/1/Gemfile.lock")
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101 102]")
	since := s.Needs("blog")[0].Since
	s.start(0)
	s.touch("releases/1/Gemfile.lock")
	s.expects(time.Minute, "")
	s.needs("changed Gemfile.lock changed [101 102 103]")
	if got := s.Needs("blog")[0].Since; !got.Equal(since) {
		t.Errorf("it is needed since %v, later than %v", got, since)
	}
	s.replace(-time.Minute)
	s.needs() // at once, not with the next look
	s.expects(time.Minute, "")
	s.needs()
}

func TestNeedsOfDifferentProcessesAreTold(t *testing.T) {
	s := newShop(t, "off")
	s.start(time.Minute)
	s.deploy("2")
	s.make("releases/2/Gemfile.lock")
	s.flip("2")
	s.start(time.Minute)
	s.opened().touch("releases/2/Gemfile.lock")
	s.expects(time.Second, "")
	want := []string{"changed current leads to RELEASES/2 [101]", "changed Gemfile.lock changed [102]"}
	var got []string
	for _, need := range s.Needs("blog") {
		got = append(got, strings.ReplaceAll(fmt.Sprintf("changed %s %v", need.Reason, need.PIDs), s.path("releases"), "RELEASES"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("needs are %q, want %q", got, want)
	}
}

func TestANeedAsJSON(t *testing.T) {
	s := newShop(t, "off")
	s.start(time.Minute)
	s.opened().drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	text, err := json.Marshal(s.Needs("blog"))
	s.must(err)
	var got []map[string]any
	s.must(json.Unmarshal(text, &got))
	delete(got[0], "since")
	want := map[string]any{"kind": "mark", "reason": "libssl", "file": s.path(firstMarks + "/libssl"), "pids": []any{101.0}}
	if len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("got %s", text)
	}
	if text, err := json.Marshal(s.Needs("other")); err != nil || string(text) != "[]" {
		t.Errorf("no needs are %s, %v", text, err)
	}
}

func TestAMarkIsNeededUntilARestartSettlesIt(t *testing.T) {
	s := newShop(t, "off").opened()
	s.start(time.Minute)
	s.must(WriteMark(disk.Own, s.app.Root, "libssl upgraded"))
	s.start(-time.Minute)
	s.expects(time.Second, "")
	s.needs("mark libssl upgraded [101]")
	s.replace(-time.Minute) // as by a start of purser itself
	s.needs("mark libssl upgraded []")
	s.expects(time.Second, "")
	s.needs("mark libssl upgraded []")
	s.Settled("blog", s.Requested("blog"))
	s.expects(time.Second, "")
	s.needs()
}

// The time of a file may be behind, so who began right after a mark may be older.
func TestWhoBeganWithAMarkCountsAsOlder(t *testing.T) {
	s := newShop(t, "off").opened()
	s.must(WriteMark(disk.Own, s.app.Root, "libssl"))
	s.start(-lag / 2)
	s.start(-time.Minute)
	s.expects(time.Second, "")
	s.needs("mark libssl [101]")
}

func TestAMarkThatCannotBeRemovedIsSettled(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Minute)
	s.drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	s.needs("mark libssl [101]")
	marks := s.Requested("blog")
	s.must(os.Chmod(s.path(firstMarks), 0o555))
	s.asOther(func() {
		s.Settled("blog", marks)
		s.Settled("blog", marks)
		s.needs()
		for range 3 {
			s.expects(time.Second, "") // though the process began before
			s.needs()
		}
	})
	if got := strings.Count(s.log.String(), "remove them yourself"); got != 1 || s.reasons("current") != "libssl" {
		t.Errorf("told %d times: %s", got, s.log)
	}
	s.touch(firstMarks + "/libssl")
	s.expects(time.Second, "")
	s.needs("mark libssl [101]")
}

func TestAMarkBehindASlowClockIsNoOlderThanTheLastLook(t *testing.T) {
	s := newShop(t, "off").opened()
	s.start(0)
	s.time = time.Now().Add(time.Hour) // as seen from here, files are an hour behind
	s.expects(0, "")
	s.drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	s.needs("mark libssl [101]")
	if since := s.Needs("blog")[0].Since; since.Before(time.Now().Add(30 * time.Minute)) {
		t.Errorf("it is needed since %v", since)
	}
}

func TestARootThatLeadsNowhereIsAsBefore(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	s.remove("current")
	s.expects(time.Second, "")
	s.expects(time.Hour, "")
	s.needs("mark libssl [101]")
	s.must(os.Rename(s.path("releases/1"), s.path("away")))
	s.flip("1")
	s.expects(time.Hour, "")
	s.needs("mark libssl [101]")
	s.must(os.Rename(s.path("away"), s.path("releases/1")))
	s.expects(time.Second, "")
	s.expects(time.Second, "marked: libssl")
}

func TestAReleaseThatIsDeletedUnderItsProcesses(t *testing.T) {
	s := newShop(t, "changed").opened()
	s.start(time.Hour)
	s.deploy("2")
	s.flip("2")
	s.remove("releases/1")
	s.expects(time.Second, "")
	s.expects(time.Second, "current leads to RELEASES/2")
	s.needs("changed current leads to RELEASES/2 [101]")
}

func TestMarksOfALiveReleaseThatCurrentHasLeft(t *testing.T) {
	s := newShop(t, "off").opened()
	s.start(time.Hour)
	s.deploy("2")
	s.flip("2")
	s.must(WriteMark(disk.Own, s.path("releases/1"), "libssl"))
	s.expects(time.Second, "")
	got := s.Needs("blog")
	if len(got) != 2 || got[0].Kind == got[1].Kind {
		t.Errorf("needs are %v", got)
	}
}

func TestMarksThatCannotBeLookedForAreAsBefore(t *testing.T) {
	s := newShop(t, "off").opened()
	s.start(time.Hour)
	s.drop(firstMarks+"/libssl", "")
	s.expects(time.Second, "")
	s.must(os.Chmod(s.path(firstMarks), 0))
	s.asOther(func() {
		s.expects(time.Second, "")
		s.expects(time.Second, "")
		s.needs("mark libssl [101]")
	})
	s.must(os.Chmod(s.path(firstMarks), 0o755))
	if got := strings.Count(s.log.String(), "marks may be overlooked"); got != 1 {
		t.Errorf("told %d times: %s", got, s.log)
	}
}

func TestAPrintThatIsCutIsToldOnce(t *testing.T) {
	s := newShop(t, "off", "**/*.rb")
	s.make("releases/1/" + strings.Repeat("d/", disk.MostDepth+1) + "a.rb")
	s.opened()
	s.expects(time.Second, "")
	s.expects(time.Second, "")
	if got := strings.Count(s.log.String(), "names too many files"); got != 1 {
		t.Errorf("told %d times: %s", got, s.log)
	}
}

func TestPipesDoNotStopAChecker(t *testing.T) {
	s := newShop(t, "off", "**/*.rb", "pipe").opened()
	s.start(time.Hour)
	s.must(unix.Mkfifo(s.path("releases/1/pipe"), 0o644))
	s.must(unix.Mkfifo(s.path("releases/1/a.rb"), 0o644))
	s.remove("releases/1/tmp")
	s.must(unix.Mkfifo(s.path("releases/1/tmp"), 0o644))
	s.remove("releases/1/Gemfile.lock")
	s.must(unix.Mkfifo(s.path("releases/1/Gemfile.lock"), 0o644))
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock removed [101]")
}

func TestAnAppThatRestsIsNotSearched(t *testing.T) {
	s := newShop(t, "changed", "lib/*.rb").opened()
	s.expects(time.Second, "")
	a := s.Checker.apps[0]
	s.make("releases/1/lib/a.rb")
	if seen := s.see(a, nil, s.last(a)); !sameDisk(seen.print, a.seen.print) {
		t.Error("no process can be older, and the files were looked at")
	}
	s.Requested("blog")
	if a.asked.print.sightOf("lib/a.rb").name == "" {
		t.Error("a restart was requested, and not for what is there")
	}
	s.start(0)
	s.make("releases/1/lib/b.rb")
	s.expects(time.Second, "")
	s.expects(time.Second, "lib/b.rb added")
}

func TestWhatTriggersNothingIsLookedAtSeldom(t *testing.T) {
	for auto, most := range map[string]time.Duration{"off": unhurried, "changed": 2 * time.Second} {
		s := newShop(t, auto).opened()
		s.Checker.round(t.Context(), s.Checker.list())
		if rest := time.Until(s.Checker.apps[0].due); rest < most/2 {
			t.Errorf("auto %s: looked at again after %v", auto, rest)
		}
		if next := time.Until(s.Checker.round(t.Context(), s.Checker.list())); next > 2*time.Second {
			t.Errorf("auto %s: its processes are looked at after %v only", auto, next)
		}
	}
}
