package sock

import "purser/proxy/fair"

// Computing is for what computes for long: a handshake takes as long as dozens of requests, and so does a large file
// that is encrypted, and a client may ask for as many as it likes. Without turns all that it has asked for would be
// before a request that comes then. Its flows are the clients. Nobody waits for a peer or a disk meanwhile.
var Computing = fair.NewSemaphore(fair.BesidesOne())

// A turn is that of one handshake. It has it while it computes, and not while it waits for its peer.
type turn struct{ mine bool }

// take waits until it is the handshake's turn.
func (t *turn) take(of fair.Flow) {
	if !t.mine {
		t.mine = true
		Computing.Acquire(of)
	}
}

// give lets the next one have it.
func (t *turn) give() {
	if t.mine {
		t.mine = false
		Computing.Release()
	}
}
