// Package rates counts how often something comes, for many who are told apart, in little memory that never grows.
package rates

import "time"

// A Rate is how often something may come: Count times within Per on average, and Burst times at once.
type Rate struct {
	Count int // at least 1
	Per   time.Duration
	Burst int // at least 1
}

// A Verdict is what a table says of one that comes.
type Verdict struct {
	OK    bool
	Again time.Duration // until one more may come; 0 if OK
}

// gap is the time between two that come as fast as they may for ever.
func (r Rate) gap() int64 { return int64(r.Per) / int64(r.Count) }

// take decides by the generic cell rate algorithm (ITU-T I.371): due is when the one that comes next would come if
// all came evenly. One may come before it, as long as no more than Burst are owed then.
func (r Rate) take(due, now int64) (next int64, v Verdict) {
	due = max(due, now)
	if early := due - now - int64(r.Burst-1)*r.gap(); early > 0 {
		return due, Verdict{Again: time.Duration(early)}
	}
	return due + r.gap(), Verdict{OK: true}
}
