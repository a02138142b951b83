package client

import "golang.org/x/net/http2"

// An h2Sender is the side of a stream that sends content.
type h2Sender struct {
	id     uint32
	window int64  // what the client takes; guarded by the connection's mu, as what follows
	queued bool   // it waits for room on the connection
	goOn   func() // called when it has waited long enough
}

// content queues as much of p as may go out now, and the end of its stream behind the last of it. While
// others wait it is one frame.
func (o *h2Output) content(c *h2Sender, p []byte, last bool) (n int) {
	for n < len(p) || last {
		piece := int(max(0, min(int64(len(p)-n), c.window, o.window, int64(min(mostContent, o.room())))))
		if piece == 0 && n < len(p) {
			return n
		}
		end := last && n+piece == len(p)
		var flags http2.Flags
		if end {
			flags = http2.FlagDataEndStream
		}
		b := o.space()
		o.buf.b = append(appendFrame(b, piece, http2.FrameData, flags, c.id), p[n:n+piece]...)
		n += piece
		c.window -= int64(piece)
		o.window -= int64(piece)
		o.limits.chores.earn(1 + piece/1024) // for the updates that it will bring about
		if end || len(o.waiting) > 0 {
			return n
		}
	}
	return n
}

// room is how much more content may be queued in a frame.
func (o *h2Output) room() int { return mostQueued - frameHeader - o.backlog() }

// wait has a stream woken when the connection has room for its content.
func (o *h2Output) wait(c *h2Sender) {
	if !c.queued && c.window > 0 {
		c.queued = true
		o.waiting = append(o.waiting, c)
	}
}

// next wakes the stream that has waited for the longest time, if it can go on. Whoever was woken calls it,
// too.
func (o *h2Output) next() {
	for len(o.waiting) > 0 && o.window > 0 && o.room() > 0 {
		c := o.waiting[0]
		o.waiting = append(o.waiting[:0], o.waiting[1:]...)
		if c != nil && c.queued {
			c.queued = false
			c.goOn()
			return
		}
	}
}

// leave takes a stream that waits no more off the waiting list. If it was its turn, it is another's now.
func (o *h2Output) leave(c *h2Sender) {
	if c.queued {
		c.queued = false
		for i := range o.waiting {
			if o.waiting[i] == c {
				o.waiting[i] = nil
			}
		}
	}
	o.next()
}
