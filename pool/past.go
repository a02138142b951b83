package pool

// A Past is what outlives the purser that knew it: how far generations were counted, and what an operator has
// taken back.
type Past struct {
	Generation int      `json:"generation"`           // the newest
	TakenBack  *Release `json:"taken_back,omitempty"` // by a rollback, and not wanted since
	Good       *Release `json:"good,omitempty"`       // what serves instead
}

// outlives is what is to be known of these generations by the purser that comes after this one.
func (l *generations) outlives() Past {
	p := Past{Generation: l.wanted.number}
	if taken, ok := l.takenBack(); ok {
		good := l.good.release
		p.TakenBack, p.Good = &taken, &good
	}
	return p
}

// resume begins where other generations have ended. If something was taken back, the first generation is the
// good one, and withstands that.
func (l *generations) resume(p Past, why *Failure) {
	if l.wanted.number = p.Generation + 1; p.TakenBack == nil {
		return
	}
	l.good = l.wanted
	l.good.number, l.good.standing = max(1, p.Generation-1), working
	l.wanted = &generation{number: l.good.number + 1, release: *p.TakenBack}
	why.Generation = l.wanted.number
	l.withdraw(takenBack, why)
}
