package proxy

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"purser/proxy/wire"
)

// A flow is one direction of a webSocket. It alone reads from src and writes to dst.
type flow struct {
	ws     *webSocket
	src    *socket
	dst    *socket
	masked bool // dst is a server to this WebSocket
	frames wire.Frames
	buf    *[bodyBuffer]byte // borrowed while there is something in it
	moved  int64             // bytes passed on
	limit  atomic.Int64      // Unix nanoseconds after which it ends; 0 = none
	ending bool              // its moment has come
	deaf   bool              // dst takes no more: what comes is dropped
	told   atomic.Bool       // dst was sent a Close frame of ours, or needs none
}

// Why a flow has ended.
type flowEnd uint8

const (
	sourceEnded flowEnd = iota // src has ended its side, or is gone
	sinkEnded                  // dst is gone
	timeOver                   // its limit has passed, or the server stops
	answered                   // the client has answered our Close with its own
)

var flowBuffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}

// space and unused make a flow the lender of memory for what it moves.
func (f *flow) space() []byte {
	if f.buf == nil {
		f.buf = flowBuffers.Get().(*[bodyBuffer]byte)
	}
	return f.buf[:]
}

func (f *flow) unused() {
	if f.buf != nil {
		flowBuffers.Put(f.buf)
		f.buf = nil
	}
}

// pass moves bytes until an end comes.
func (f *flow) pass() flowEnd {
	defer f.unused()
	if !f.goesOn() { // a wake may have come before there was anything to wake
		return timeOver
	}
	for {
		if f.ending && !f.told.Load() && f.frames.Between() && !f.sayClose() {
			return sinkEnded
		}
		n, err := f.src.read(f)
		switch {
		case timedOut(err):
			if !f.goesOn() {
				return timeOver
			}
		case err != nil:
			return sourceEnded
		case !f.take(f.buf[:n]):
			return sinkEnded
		case f == &f.ws.up && f.frames.Closed() && f.ws.down.told.Load():
			return answered
		}
		f.unused()
	}
}

// take passes p on, or as much of it as belongs to the present frame if the flow is ending. It reports
// false if dst is gone.
func (f *flow) take(p []byte) bool {
	if !f.ending && f.ws.stay.due() { // the bytes were quicker than the wake
		f.goesOn()
	}
	switch {
	case f.deaf || f.told.Load():
		f.frames.Follow(p)
		return true
	case !f.ending:
		f.frames.Follow(p)
		return f.write(p)
	}
	if !f.frames.Between() {
		n := f.frames.Next(p)
		if !f.write(p[:n]) {
			return false
		}
		p = p[n:]
	}
	if f.frames.Between() && !f.sayClose() {
		return false
	}
	f.frames.Follow(p)
	return true
}

// sayClose sends dst a Close frame, unless src has done so or is inside a frame. It reports false if
// dst is gone.
func (f *flow) sayClose() bool {
	if f.told.Swap(true) || f.deaf || f.frames.Closed() || !f.frames.Between() {
		return true
	}
	return f.write(closeFrame(f.masked, rand.Uint32()))
}

func (f *flow) write(p []byte) bool {
	for len(p) > 0 {
		n, err := f.dst.writeSome(p)
		p = p[n:]
		f.moved += int64(n)
		if err != nil && (!timedOut(err) || !f.goesOn()) {
			return false
		}
	}
	return true
}

// goesOn is called after a timeout, which may be a wake that came too late for something else, and
// reports whether there is time left. It takes the timeout back before it looks, so that none is lost.
func (f *flow) goesOn() bool {
	f.deadline(time.Time{})
	if f.ws.conn.gone.Load() {
		return false
	}
	if f.ws.stay.due() && !f.ending {
		f.ending = true
		f.limit.CompareAndSwap(0, time.Now().Add(tunnelGrace).UnixNano())
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
	f.limit.CompareAndSwap(0, time.Now().Add(tunnelGrace).UnixNano())
	if f.ws.conn.gone.Load() {
		f.deadline(longAgo)
		return
	}
	f.deadline(time.Unix(0, f.limit.Load()))
}

func (f *flow) deadline(at time.Time) {
	_ = f.src.conn.SetReadDeadline(at)
	_ = f.dst.conn.SetWriteDeadline(at)
}
