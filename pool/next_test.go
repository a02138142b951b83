package pool

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// hurries asks for a restart each second, of which a boot takes three, and returns the restarts.
func (s *story) hurries(times int, strategy string) (all []*restart) {
	for i := range times {
		all = append(all, s.restartsBy(strategy, fmt.Sprintf("/r%d", i+2)))
		s.goes()
		s.passes(time.Second)
	}
	return all
}

// goes has all go that were told to.
func (s *story) goes() (some bool) {
	for _, p := range slices.Clone(s.state.procs) {
		if p.state == Stopping {
			s.exits(p.number)
			some = true
		}
	}
	return some
}

// bootsAll has all processes boot that are to, and all go, until a restart ends.
func (s *story) bootsAll(r *restart) {
	s.t.Helper()
	for range 100 {
		if r.state != RestartRunning {
			return
		}
		for _, p := range slices.Clone(s.state.procs) {
			if p.state == Spawning && p.child == nil {
				s.boots(p.number)
			}
		}
		s.goes()
		s.passes(time.Second)
	}
	s.t.Fatalf("restart %s does not end", r.id)
}

func TestRestartsFasterThanABootLandAllTheSame(t *testing.T) {
	for _, strategy := range []string{Rolling, BlueGreen} {
		s := tell(t)
		s.boots(1, 2)
		all := s.hurries(14, strategy)
		under := s.state.running()
		got(t, "the restart whose boot is not given up any more", under, all[9])
		for i, r := range all {
			want := RestartSuperseded
			if i == 9 || i == 13 {
				want = RestartRunning
			}
			got(t, fmt.Sprintf("restart %d", i), r.state, want)
		}
		s.bootsAll(under)
		got(t, "the one that took over", under.state, RestartDone)
		s.bootsAll(s.state.running())
		last := s.state.find(all[13].id)
		got(t, "the newest, which follows", last.state, RestartDone)
		got(t, "what it brings", s.state.good.release.Path, "/r15")
		got(t, "how it went", steps(last)[:26], "requested, waiting, begun,")
	}
}

func TestWhatIsToFollowIsTakenBackWithWhatRuns(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	all := s.hurries(12, Rolling)
	last := all[11]
	got(t, "the newest", last.state, RestartRunning)
	s.rollsBack()
	got(t, "the newest", last.state, RestartFailed)
	got(t, "why", last.failure.Reason, "rolled back")
	if s.state.next != nil {
		t.Error("something is to follow")
	}
}

func TestWhatIsToFollowEndsWithTheGroup(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	last := s.hurries(12, Rolling)[11]
	s.state.close(s.now)
	got(t, "the newest", last.state, RestartFailed)
}
