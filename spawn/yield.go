package spawn

import "errors"

// ErrYielded says that a child goes on, as that of another front of purser.
var ErrYielded = errors.New("it is another front's")

// Yield leaves the children as they are, for the next front of purser to adopt. It returns once nothing of what they
// print is read here any more: who adopts them goes on with the very next byte. No Start that is under way or follows
// starts anything, and Close leaves everything where it is. What a Child is told from then on the keeper does not heed.
func (s *Spawner) Yield() {
	s.mu.Lock()
	s.yield(ErrYielded)
	s.mu.Unlock()
	s.running.Wait()
}

// enter begins a start. It reports false if there is to be none.
func (s *Spawner) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours.Err() != nil {
		return false
	}
	s.running.Add(1)
	return true
}
