package helper

import "time"

// A spending is for how long people have waited for the answers of a user's helpers: each in time, but who stops his
// helper and has it go on again just before that is over could have all that is done for all apps take as long as that.
// Of waits at the same time, each moment counts once: many ask at once as purser starts, and the machine may be slow.
type spending struct {
	level time.Duration
	at    time.Time
	until time.Time // the last wait that was counted
}

const (
	mostSpent   = 2 * patience           // at once
	spentShare  = 6                      // of the time beyond that, one part in so many
	unremarked  = 100 * time.Millisecond // an answer takes that at times, whoever looks
	longRemarks = 10 * patience          // more is not remembered
)

const errLate = unanswered("the process that does it as the app's user answers late again and again, and so was killed")

// spend notes how long an answer took, and reports whether that is more than may be spent.
func (s *spending) spend(took time.Duration, now time.Time) bool {
	s.level = max(0, s.level-now.Sub(s.at)/spentShare)
	s.at = now
	if took < unremarked {
		return false
	}
	alone := min(took, now.Sub(s.until))
	s.level, s.until = min(s.level+alone, longRemarks), now
	return s.level > mostSpent
}

// answered notes that a helper has answered: well, or so late so often that it is killed.
func (u *user) answered(l *link, took time.Duration) {
	u.mu.Lock()
	late := u.spent.spend(took, time.Now())
	u.mu.Unlock()
	if !late {
		u.well()
		return
	}
	u.lose(l, errLate, true)
	l.end(errLate)
}
