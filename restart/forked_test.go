package restart

import (
	"testing"
	"time"
)

// A loading is when a fork source had begun to load the app, and when it had.
type loading struct{ began, loaded time.Time }

// forks has the process that was started last be one that was forked from what had loaded the app then.
func (s *shop) forks(from loading) {
	s.Forked("blog", s.number, from.began, from.loaded)
}

// preloads starts the first process of a generation, and with it its source.
func (s *shop) preloads(generation int) (from loading) {
	s.Helper()
	s.boots(generation, func() { from = loading{time.Now(), time.Now()} })
	s.forks(from)
	return from
}

func TestAForkedProcessIsOfWhatItsSourceHasLoaded(t *testing.T) {
	s := newShop(t, "no").opened()
	from := s.preloads(1)
	s.boots(1, func() {})
	s.forks(from)
	s.needs()
	s.touch(lock)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101 102]")
	s.boots(1, func() {})
	s.forks(from)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101 102 103]")
}

func TestAForkedProcessStaysThatWhenAllOthersHaveEnded(t *testing.T) {
	s := newShop(t, "no").opened()
	from := s.preloads(1)
	s.touch(lock)
	s.exit(2)
	s.boots(1, func() {})
	s.forks(from)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [102]")
}

func TestASourceThatHasLoadedTheAppAnewHasTheNewCode(t *testing.T) {
	s := newShop(t, "no").opened()
	s.preloads(1)
	s.touch(lock)
	s.preloads(1) // as the first source has ended
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101]")
}

// A start that waits for a source which loads already is later than that, and so may be what it finds on disk.
func TestWhoWaitsForASourceIsOfWhatThatFound(t *testing.T) {
	s := newShop(t, "no").opened()
	first := s.begins(1)
	began := time.Now()
	s.make("releases/1/REVISION")
	second := s.begins(1)
	from := loading{began, time.Now()}
	s.ends(second, func() {})
	s.Forked("blog", second.Number, from.began, from.loaded)
	s.ends(first, func() {})
	s.Forked("blog", first.Number, from.began, from.loaded)
	s.expects(time.Second, "")
	s.needs("changed REVISION added [101 102]")
}

// After an upgrade nothing is known of a source but its times. The file was made since.
func TestAForkedProcessThatWasAdoptedIsOfWhatItsSourceHasLoaded(t *testing.T) {
	s := newShop(t, "no").opened()
	from := loading{time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)}
	p := s.begins(1)
	s.Gone("blog", p.Number)
	s.make(lock)
	p.Began = time.Now()
	s.Adopted("blog", p)
	s.serve = append(s.serve, p)
	s.forks(from)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101]")
	s.boots(1, func() {})
	s.forks(from)
	s.expects(time.Second, "")
	s.needs("changed Gemfile.lock changed [101 102]")
}

func TestAForkedProcessHasBegunWhenItsSourceDid(t *testing.T) {
	s := newShop(t, "no").opened()
	first := s.begins(1)
	from := loading{time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)}
	s.ends(first, func() {})
	s.forks(from)
	late := s.begins(1)
	late.Began = time.Now().Add(time.Hour)
	s.ends(late, func() {})
	s.forks(from)
	if got := s.Checker.processes(s.Checker.apps[0]); !got[1].Began.Equal(from.began) {
		t.Errorf("it has begun at %s, its source at %s", got[1].Began, from.began)
	}
}

func TestSourcesOfWhichNothingLivesAreForgotten(t *testing.T) {
	s := newShop(t, "no").opened()
	for generation := range 5 {
		s.preloads(generation + 1)
		s.exit(generation + 1)
	}
	if a := s.Checker.apps[0]; len(a.sources) != 2 { // the newest, and the one that was replaced by it
		t.Errorf("%d sources are remembered", len(a.sources))
	}
}
