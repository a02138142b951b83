package pool

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
