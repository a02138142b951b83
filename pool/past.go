package pool

import "time"

// A Past is what outlives the purser that knew it: how far generations were counted, and what an operator has
// taken back.
type Past struct {
	Generation int      `json:"generation"`           // the newest
	TakenBack  *Release `json:"taken_back,omitempty"` // by a rollback, and not wanted since
	Good       *Release `json:"good,omitempty"`       // what serves instead
}

// Past returns what is to be known of the group by the purser that comes after this one.
func (g *Group) Past() Past {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &g.state
	p := Past{Generation: s.wanted.number}
	if s.wanted.byHand && s.resisting() && !s.overwritten(s.good) {
		taken, good := s.wanted.release, s.good.release
		p.TakenBack, p.Good = &taken, &good
	}
	return p
}

// resume has the group begin where one before it has ended. If something was taken back, the group is one that
// runs the good release, and withstands the other.
func (g *groupState) resume(now time.Time, p Past) {
	if g.wanted.number = p.Generation + 1; p.TakenBack == nil {
		return
	}
	g.good = g.wanted
	g.good.number, g.good.worked = max(1, p.Generation-1), true
	g.wanted = &generation{number: g.good.number + 1, release: *p.TakenBack}
	g.withdraw(&Failure{At: now, Generation: g.wanted.number, Reason: "rolled back before purser was started", ErrorID: g.errorID()})
	g.wanted.byHand = true
}
