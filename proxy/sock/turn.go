package sock

import (
	"runtime"

	"purser/proxy/fair"
)

// computing is for what computes for long: a handshake takes as long as dozens of requests, and so does a large file
// that is encrypted, and a client may ask for as many as it likes. Without turns all that it has asked for would be
// before a request that comes then. Its flows are the clients. Nobody waits for a peer or a disk meanwhile.
var computing = fair.NewSemaphore(fair.BesidesOne())

// Compute waits until it is the turn of one of the flow to compute for long. Computed ends it.
func Compute(of fair.Flow) {
	if computing.Acquire(of) {
		runtime.Gosched() // who gave the turn would have this run at once, before all that was ready already
	}
}

// Computed lets the next one compute.
func Computed() { computing.Release() }

// A turn is that of one handshake. It has it while it computes, and not while it waits for its peer.
type turn struct{ mine bool }

// take waits until it is the handshake's turn.
func (t *turn) take(of fair.Flow) {
	if !t.mine {
		t.mine = true
		Compute(of)
	}
}

// give lets the next one have it.
func (t *turn) give() {
	if t.mine {
		t.mine = false
		Computed()
	}
}
