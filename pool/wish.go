package pool

// A Wish is what a request asks of the process that it is lent. The zero Wish is content with any.
type Wish struct {
	// Pin is the number of the oldest generation that may serve the request; 0 is any. A generation
	// that was taken back is not insisted on.
	Pin int

	// Avoid is the process that has failed this request already; nil is none. Its code may be why: so a
	// process of another generation is preferred, then another one of the same, and Avoid itself is lent
	// only if nothing else has room. No request waits because of it.
	Avoid *Process
}

// fits reports whether p is what is wished for, so that no other process would be better.
func (w Wish) fits(p *Process) bool {
	return p.generation.number >= w.Pin && (w.Avoid == nil || p.generation != w.Avoid.generation)
}

// rank says how far p is from what is wished for: the lowest is to be lent. One that is in doubt comes
// after a trusted one, whatever its generation: it has itself just failed a request.
func (w Wish) rank(p *Process) (rank int) {
	if w.Avoid == nil {
		return 0
	}
	if p == w.Avoid {
		return 4
	}
	if !p.doubted.IsZero() {
		rank += 2
	}
	if p.generation == w.Avoid.generation {
		rank++
	}
	return rank
}
