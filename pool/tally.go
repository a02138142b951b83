package pool

import (
	"fmt"
	"math"
)

// Outcome is how a request ended that a process was lent to.
type Outcome uint8

const (
	Unclear    Outcome = iota // what it was answered tells nothing
	Worked                    // the app answered, with anything below 500
	Erred                     // the app answered with 5xx, or not at all
	Unanswered                // the client gave up before, or nothing was sent
)

// A tally is how the processes of one generation answered of late.
type tally struct{ answered, erred int }

// recent is how many answers a tally remembers: beyond it old ones count less and less.
const recent = 1 << 14

func (t *tally) add(o Outcome) {
	if o == Unclear || o == Unanswered {
		return
	}
	t.answered++
	if o == Erred {
		t.erred++
	}
	if t.answered == recent {
		t.answered, t.erred = t.answered/2, t.erred/2
	}
}

const (
	fewAnswers = 20    // a generation with fewer is not judged
	fewErrors  = 3     // nor one with fewer
	confidence = 2.576 // standard deviations: 99 % of a normal distribution lie within
)

// worseThan says how t errs clearly more often than old, "" if it does not: if the share of errors
// that t has at least is above the share that old has at most, with 99 % confidence each (Wilson's
// score interval). Fewer than 20 answers of old count as 20, the missing ones without an error.
func (t tally) worseThan(old tally) string {
	old.answered = max(old.answered, fewAnswers)
	if t.answered < fewAnswers || t.erred < fewErrors || t.bound(-confidence) <= old.bound(confidence) {
		return ""
	}
	return fmt.Sprintf("%d of its %d answers were errors (5xx or none), before it %d of %d",
		t.erred, t.answered, old.erred, old.answered)
}

// bound is where the true share of errors lies at least, for a negative z, or at most.
func (t tally) bound(z float64) float64 {
	n, p := float64(t.answered), float64(t.erred)/float64(t.answered)
	return (p + z*z/(2*n) + z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}
