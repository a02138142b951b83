package client

import "purser/proxy/sock"

// never is later than any deadline.
const never = 1 << 62

// An h2Alarm interrupts the reading of a connection when something else may be to do. It is guarded by the
// connection's mu.
type h2Alarm struct {
	sock    *sock.Socket
	armed   int64 // when the reading is interrupted
	soonest int64 // when the wait of a stream, or of the output, has taken too long
}

// set has the reading interrupted then, and not before.
func (a *h2Alarm) set(at int64) {
	a.armed = at
	a.sock.Arm(at + int64(sock.Tick))
}

// by has the reading interrupted by then.
func (a *h2Alarm) by(at int64) {
	if at < a.armed {
		a.set(at)
	}
}

// limit is by for what a stream, or the output, waits for.
func (a *h2Alarm) limit(at int64) {
	a.soonest = min(a.soonest, at)
	a.by(at)
}
