package sock

import "runtime"

// turns are for handshakes that compute. One takes as long as dozens of requests, and a client may ask for as many
// as it likes: without turns all that have come would be before a request that comes then. One processor, if there
// are several, is left to everything else, which meets the bytes that come when it has nothing to do.
var turns = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))

// A turn is that of one handshake. It has it while it computes, and not while it waits for its peer.
type turn struct{ mine bool }

// take waits until it is the handshake's turn. They come in the order in which they ask.
func (t *turn) take() {
	if t.mine {
		return
	}
	t.mine = true
	select {
	case turns <- struct{}{}:
	default:
		turns <- struct{}{}
		runtime.Gosched() // who gave it would have it run at once, before all that was ready already
	}
}

// give lets the next one have it.
func (t *turn) give() {
	if t.mine {
		t.mine = false
		<-turns
	}
}
