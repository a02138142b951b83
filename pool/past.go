package pool

import (
	"cmp"
	"strings"
)

// A Past is what outlives the purser that knew it: how far generations were counted, and which code was wanted
// and yet did not serve.
type Past struct {
	Generation int      `json:"generation"`           // the newest
	TakenBack  *Release `json:"taken_back,omitempty"` // its release, if another serves instead
	Good       *Release `json:"good,omitempty"`       // that one
	Why        Verdict  `json:"why,omitempty"`
	Reason     string   `json:"reason,omitempty"` // in words
	Config     int      `json:"-"`                // the configuration that TakenBack is started with, by its number
}

// earlier follows the reason for what was seen by the purser before this one, or before the app was stopped.
const earlier = " (before the app was started)"

// A Verdict is why a release does not serve.
type Verdict string

const (
	ByOperator Verdict = ""        // it was taken back, or nobody has promoted its canary
	ByStart    Verdict = "start"   // it did not start, and is tried again
	ByAnswers  Verdict = "answers" // it was taken back for its answers or crashes
)

// verdicts are those by the standing of the generation.
var verdicts = map[standing]Verdict{failing: ByStart, rejected: ByAnswers, takenBack: ByOperator}

// standing is that of a generation about which there was a verdict.
func (v Verdict) standing() standing {
	for s, of := range verdicts {
		if of == v {
			return s
		}
	}
	return takenBack
}

// reason is why the newest release does not serve, as the next purser tells it.
func (p Past) reason() string { return cmp.Or(p.Reason, "rolled back") + earlier }

// outlives is what is to be known of these generations by the purser that comes after this one. Canary says
// that the newest has not got beyond a canary, so that nobody has said yet that all of it is to serve.
func (l *generations) outlives(canary bool) Past {
	p := Past{Generation: l.wanted.number}
	if !l.resisting() && !canary || l.good == nil || l.good == l.wanted || l.inPlace(l.good) {
		return p
	}
	taken, good := l.wanted.release, l.good.release
	p.TakenBack, p.Good, p.Why, p.Reason = &taken, &good, verdicts[l.wanted.standing], "its canary was not promoted"
	if f := l.wanted.failure; f != nil {
		p.Reason = strings.TrimSuffix(f.Reason, earlier)
	}
	return p
}

// resume begins where other generations have ended. If the newest release did not serve, the first
// generation is the good one, and withstands that.
func (l *generations) resume(p Past, why *Failure) {
	if l.wanted.number = p.Generation + 1; p.TakenBack == nil {
		return
	}
	l.good = l.wanted
	l.good.number, l.good.standing = max(1, p.Generation-1), working
	l.wanted = &generation{number: l.good.number + 1, release: *p.TakenBack, config: p.Config}
	why.Generation = l.wanted.number
	l.withdraw(p.Why.standing(), why)
}
