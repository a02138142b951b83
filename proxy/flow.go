package proxy

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"purser/proxy/client"
	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A flow is one direction of a webSocket. It alone reads from src and writes to dst.
type flow struct {
	ws         *webSocket
	src        client.Tunnel
	dst        client.Tunnel
	masked     bool // dst is a server to this WebSocket
	from       party
	frames     wire.Frames
	buf        *[flowBuffer]byte // borrowed while there is something in it
	moved      int64             // bytes passed on
	limit      atomic.Int64      // Unix nanoseconds after which it ends; 0 = none
	closing    bool              // it is to end between two frames
	discarding bool              // dst takes no more: what comes is dropped
	end        flowEnd           // once it has ended
	closeSent  atomic.Bool       // dst was sent a Close frame of ours, or needs none
}

// Why a flow has ended.
type flowEnd uint8

const (
	sourceEnded flowEnd = iota // src has ended its side, or is gone
	sinkEnded                  // dst is gone
	timeOver                   // its limit has passed, or the server stops
	answered                   // the client has answered our Close with its own
)

const flowBuffer = 32 << 10

var flowBuffers = sync.Pool{New: func() any { return new([flowBuffer]byte) }}

// Space and Unused make a flow the lender of memory for what it moves.
func (f *flow) Space() []byte {
	if f.buf == nil {
		f.buf = flowBuffers.Get().(*[flowBuffer]byte)
	}
	return f.buf[:]
}

func (f *flow) Unused() {
	if f.buf != nil {
		flowBuffers.Put(f.buf)
		f.buf = nil
	}
}

func (f *flow) begin(w *webSocket, src, dst client.Tunnel) { f.ws, f.src, f.dst = w, src, dst }

// pass moves bytes until an end comes.
func (f *flow) pass() flowEnd {
	defer f.Unused()
	if !f.goesOn() { // a wake may have come before there was anything to wake
		return timeOver
	}
	for f.mayClose() {
		switch err := f.src.Serve(f); {
		case err == nil:
			return f.end
		case !sock.TimedOut(err):
			return sourceEnded
		case !f.goesOn():
			return timeOver
		}
	}
	return sinkEnded
}

// mayClose sends the Close that is due, as soon as no frame is under way. It reports false if dst is gone.
func (f *flow) mayClose() bool {
	return !f.closing || f.closeSent.Load() || !f.frames.Between() || f.sendClose()
}

// Use passes on what has come.
func (f *flow) Use(n int) (goOn bool) {
	taken := f.take(f.buf[:n])
	f.Unused()
	switch {
	case !taken, !f.mayClose():
		f.end = sinkEnded
	case f == &f.ws.up && f.frames.Closed() && f.ws.down.closeSent.Load():
		f.end = answered
	default:
		return true
	}
	return false
}

// take passes p on, or as much of it as belongs to the present frame if the flow is ending. It reports
// false if dst is gone.
func (f *flow) take(p []byte) bool {
	if !f.closing && f.ws.closing.isDue() { // the bytes were quicker than the wake
		f.goesOn()
	}
	switch {
	case f.discarding || f.closeSent.Load():
		f.frames.Follow(p)
		return true
	case !f.closing:
		f.follow(p)
		return f.write(p)
	}
	if !f.frames.Between() {
		n := f.frames.Next(p)
		if !f.write(p[:n]) {
			return false
		}
		p = p[n:]
	}
	if f.frames.Between() && !f.sendClose() {
		return false
	}
	f.frames.Follow(p)
	return true
}

// follow looks at what src sends.
func (f *flow) follow(p []byte) {
	if f.frames.Follow(p); f.frames.Closed() {
		f.ws.endedBy(f.from)
	}
}

// sendClose sends dst a Close frame, unless src has done so or is inside a frame. It reports false if
// dst is gone.
func (f *flow) sendClose() bool {
	if f.closeSent.Swap(true) || f.discarding || f.frames.Closed() || !f.frames.Between() {
		return true
	}
	f.ws.endedBy(byPurser)
	return f.write(closeFrame(f.masked, rand.Uint32()))
}

func (f *flow) write(p []byte) bool {
	for len(p) > 0 {
		n, err := f.dst.WriteSome(p)
		p = p[n:]
		f.moved += int64(n)
		if err != nil && (!sock.TimedOut(err) || !f.goesOn()) {
			return false
		}
	}
	return true
}

// goesOn is called after a timeout, which may be a wake that came too late for something else, and
// reports whether there is time left. It takes the timeout back before it looks, so that none is lost.
func (f *flow) goesOn() bool {
	f.deadline(sock.Never)
	if f.ws.call.Gone() {
		return false
	}
	if f.ws.closing.isDue() && !f.closing {
		f.closing = true
		f.limit.CompareAndSwap(0, time.Now().Add(closeGrace).UnixNano())
	}
	limit := f.limit.Load()
	if limit == 0 {
		return true
	}
	at := time.Unix(0, limit)
	f.deadline(at)
	return time.Now().Before(at)
}

// allow gives the flow the grace to end, if it has no limit yet. It may be called from the other one.
func (f *flow) allow() {
	f.limit.CompareAndSwap(0, time.Now().Add(closeGrace).UnixNano())
	if f.ws.call.Gone() {
		f.deadline(sock.LongAgo)
		return
	}
	f.deadline(time.Unix(0, f.limit.Load()))
}

func (f *flow) deadline(at time.Time) {
	f.src.SetReadDeadline(at)
	f.dst.SetWriteDeadline(at)
}
