package client

import "time"

// Limits are how long clients may take, and how many may come.
type Limits struct {
	Head      time.Duration // from the first byte of a head to its last
	KeepAlive time.Duration // between requests
	Body      Pace          // of the body of a request
	Send      Pace          // of an answer that waits for its client, in pieces that the spool hands on
	Requests  int           // on one connection; 0 = any number

	Connections int // 0 = any number
	PerAddress  int // of those, by each Block of addresses; 0 = any number
}

// reached reports whether a connection has carried as many requests as it may.
func (l *Limits) reached(requests int) bool { return l.Requests > 0 && requests >= l.Requests }

// A Pace is how fast a client has to be. A byte now and then does not push its end away for ever: bodies must keep a
// rate besides moving.
type Pace struct {
	Silence time.Duration // without a byte
	Rate    int64         // bytes per second, on average, after the grace; 0 = any
}

// rateGrace is how long a client may be slower: networks have bad moments, and what is small needs no rate.
const rateGrace = 30 * time.Second

// end is when a body of which n bytes have moved since start has come too slowly, if nothing more moves.
func (p Pace) end(now, start, n int64) int64 {
	silent := now + int64(p.Silence)
	if p.Rate == 0 {
		return silent
	}
	return min(silent, start+int64(rateGrace)+n/p.Rate*int64(time.Second)+n%p.Rate*int64(time.Second)/p.Rate)
}

// SetLimits has other limits hold from now on, for connections that are there, too: what they wait for has its time by
// the limits that there were when the wait began.
func (s *Conns) SetLimits(l Limits) {
	s.limits.Store(&l)
	if l.PerAddress > 0 {
		s.each(s.countIn)
	}
}
