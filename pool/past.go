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
