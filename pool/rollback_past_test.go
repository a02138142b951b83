package pool

import "testing"

// lands has a restart of a group that has swapped end: what it serves then are processes 5 and 6.
func (s *story) lands(path string) {
	s.restarts(path)
	s.boots(5)
	s.exits(3)
	s.boots(6)
	s.exits(4)
}

func TestRollbackPassesOverTheSameReleaseThatWasRestartedTwice(t *testing.T) {
	s, _ := swapped(t)
	s.lands("/r2")
	s.did = nil
	back := s.rollsBack()
	s.has("spawn 7 of /r1")
	s.boots(7)
	s.exits(5)
	s.boots(8)
	s.exits(6)
	got(t, "the rollback", back.state, RestartDone)
	s.are("7 ready, 8 ready")
	_, err := s.state.rollback(s.now, "x", "")
	got(t, "the error of another", err, ErrNothingOlder)
}

// An old process goes on for its stream, with the code that was in the folder. The release before that is whole.
func TestRollbackDoesNotDependOnWhatStillDrains(t *testing.T) {
	s, _ := swapped(t)
	s.state.stream(s.asks().proc)
	s.restarts("/r2")
	s.boots(5)
	s.exits(4)
	s.boots(6)
	s.are("3 draining g2, 5 ready g3, 6 ready g3")
	s.did = nil
	s.rollsBack()
	s.has("spawn 7 of /r1")
}

func TestRollbackInMidRestartOfTheSameReleasePassesItOver(t *testing.T) {
	s, _ := swapped(t)
	s.restartsBy(Blocking, "/r2")
	s.exits(3, 4)
	s.did = nil
	back := s.rollsBack()
	got(t, "what comes back", back.generation.release.Path, "/r1")
	s.has("abort 5", "abort 6", "spawn 7 of /r1", "spawn 8 of /r1")
}

func TestRollbackKnowsThatAFolderOfThePastWasUsedAgain(t *testing.T) {
	s, _ := swapped(t)
	s.lands("/r1")
	back := s.rollsBack()
	got(t, "what comes back", back.generation.release.Path, "/r2")
	_, err := s.state.rollback(s.now, "x", "")
	got(t, "the error of another", err, ErrOverwritten)
}

func TestStaticFilesOfWhatARollbackLeadsToAreKnown(t *testing.T) {
	s, _ := swapped(t)
	s.lands("/r2")
	releases := s.state.generations.releases(true, nil)
	got(t, "the last of the releases", releases[len(releases)-1].Path, "/r1")
}
