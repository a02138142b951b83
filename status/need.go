package status

import "time"

// A Need is why an app needs a restart.
type Need struct {
	Kind   string    `json:"kind"` // mark or changed
	Reason string    `json:"reason,omitempty"`
	File   string    `json:"file,omitempty"` // the mark, or what changed
	Since  time.Time `json:"since"`
	PIDs   []int     `json:"pids,omitempty"` // of the processes that are older
}

// Kinds of needs.
const (
	Marked  = "mark"    // somebody said so
	Changed = "changed" // the code on disk is newer than what runs
)

// needs are those of one app, oldest first; never nil.
func (s *Server) needs(app string) []Need {
	if s.Needs != nil {
		if found := s.Needs(app); found != nil {
			return found
		}
	}
	return []Need{}
}
