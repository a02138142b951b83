package client

import (
	"sync"

	"purser/proxy/sock"
)

// h2Streams are the streams of a connection, and what they have in common: the output, the window for what
// comes, and what the client may still do. Each is a call with a goroutine of its own.
type h2Streams struct {
	set     *Conns
	peer    *Peer
	changed func()         // called with mu held when there are more or fewer of them
	tasks   sync.WaitGroup // their goroutines, and that of the output

	mu       sync.Mutex // guards what follows, and what streams say it guards; no wait happens under it
	out      h2Output
	alarm    h2Alarm
	limits   h2Limits
	window   h2Window           // for what comes, of all streams
	calls    map[uint32]*h2Call // until their handlers are done, so that a reset makes no room for another
	ordinary int                // those of them that a stop waits for
	open     int                // those whose client still waits for something
	held     int                // those that were reset, or cut
	bodies   int                // those that wait for more of a body
	wide     int                // those of whose bodies, sent while they come, much may be on its way
	unread   int                // answers that wait for the client to take more
	heads    int                // memory of their heads
	newest   uint32             // the highest that the client has opened
	resets   h2Resets           // those that we have reset
	start    int64              // the window that the client gives each new stream
	rested   int64              // when the last stream ended
	free     []*h2Call          // kept for the next streams, with all that they know of the peer
	spare    int                // how many of them were not needed since that was last looked at
}

// mostStreams is how many streams a client may have open at once. Those that it takes for ended while their
// handlers end, too, do not count, but for so many at most: to reset a stream makes no room for another.
const (
	mostStreams  = 100
	mostHandlers = mostStreams + 20
)

// mostUnread is how many answers may wait for a client that asks for another, where memory is short for all.
const mostUnread = 8

// hardlyAny is less of a window than any client has that wants an answer.
const hardlyAny = 1 << 10

// mostBacklog is how much may be queued for such a client: content, and the heads of all streams that it may have.
const mostBacklog = 256 << 10

// mostHeads is how much memory the heads of all streams of a connection may take: a head that was sent once costs
// a client a byte for each of its fields when it is sent again.
const mostHeads = 1 << 20

func (s *h2Streams) clock() *sock.Clock { return s.set.Sweeper.Clock }

// The methods below are called with mu held, unless they say otherwise.

// full reports whether the client has as many streams as it may. A handler that ends after its answer counts as
// long as there are not very many.
func (s *h2Streams) full() bool {
	return s.open >= mostStreams || s.open+s.held >= mostHandlers || len(s.calls) >= 4*mostStreams
}

// greedy reports a client that asks for more, but does not read: neither what was sent, the heads of answers among it,
// which no window limits, nor many an answer where memory is short for all.
func (s *h2Streams) greedy() bool {
	return s.out.backlog() > mostBacklog || s.unreadSoon() >= mostUnread && s.set.Spool.Short()
}

// unreadSoon is how many answers wait, those among them that are still made for a client that takes next to nothing.
func (s *h2Streams) unreadSoon() int {
	if min(s.start, s.out.window) < hardlyAny {
		return s.open
	}
	return s.unread
}

// busy reports streams, or that something still goes out.
func (s *h2Streams) busy() bool { return len(s.calls) > 0 || !s.out.empty() }

// chore counts a frame that carries nothing of a request.
func (s *h2Streams) chore() error { return s.limits.chore(s.clock().Now()) }

// newCall returns a call for a stream.
func (s *h2Streams) newCall(stream uint32) *h2Call {
	var c *h2Call
	if n := len(s.free); n > 0 {
		c, s.free = s.free[n-1], s.free[:n-1]
		s.spare = min(s.spare, n-1)
	} else {
		c = s.set.streams.Get().(*h2Call)
		c.peer = *s.peer
	}
	c.begin(s, stream)
	return c
}

// add has a request answered.
func (s *h2Streams) add(c *h2Call) {
	s.calls[c.id] = c
	s.ordinary++
	s.open++
	s.heads += c.head.Size()
	s.changed()
	if c.again != nil {
		c.again <- true
		return
	}
	c.again = make(chan bool, 1)
	s.tasks.Add(1)
	go c.run()
}

// keep keeps a call that is not to be answered for another stream.
func (s *h2Streams) keep(c *h2Call) {
	c.forget()
	if c.again == nil {
		c.recycle()
		return
	}
	s.free = append(s.free, c)
}

// remove takes a call off the connection, and reports whether it is kept for another stream.
func (s *h2Streams) remove(c *h2Call) (kept bool) {
	delete(s.calls, c.id)
	s.heads -= c.head.Size()
	c.end()
	if c.left {
		s.held--
	}
	if !c.lives {
		s.ordinary--
	}
	if c.stream != nil && c.stream.wide {
		s.wide--
	}
	s.out.leave(&c.h2Sender)
	s.giveBack(int64(len(c.in) + len(c.taken)))
	if kept = !c.faulty && !s.out.last; kept {
		c.forget()
		s.free = append(s.free, c)
	}
	if len(s.calls) == 0 {
		s.rested = s.clock().Now()
		s.alarm.by(s.rested + int64(tidyTime))
	}
	s.changed()
	return kept
}

// dismiss lets go of calls that wait for a stream, the n that have done so for the longest time.
func (s *h2Streams) dismiss(n int) {
	for i, c := range s.free[:n] {
		c.again <- false
		s.free[i] = nil
	}
	s.free = append(s.free[:0], s.free[n:]...)
	s.spare = len(s.free)
}

// review ends the waits that have taken too long, and finds out which is next.
func (s *h2Streams) review(now int64) {
	s.alarm.soonest = never
	if s.out.slow {
		s.alarm.soonest = max(now+int64(keepTime), s.out.moved+s.out.silence()) // tunnels alone do not end it
	}
	for _, c := range s.calls {
		c.review(now)
		for _, due := range [...]int64{c.forRoom.due, c.forBody.due} {
			if due != 0 {
				s.alarm.soonest = min(s.alarm.soonest, due)
			}
		}
	}
}

// overdue ends the waits for bodies.
func (s *h2Streams) overdue() {
	for _, c := range s.calls {
		if c.awaits {
			c.forBody.late = true
			c.await(false)
			c.wake()
		}
	}
}

// lose tells all streams that the client is gone.
func (s *h2Streams) lose() {
	s.close()
	for _, c := range s.calls {
		c.lose()
	}
}

// giveUp has all streams end, whoever works for them.
func (s *h2Streams) giveUp() {
	s.close()
	for _, c := range s.calls {
		c.giveUp()
	}
}

// close begins the wait for the end of all: nobody waits for the client any more.
func (s *h2Streams) close() {
	s.out.close()
	s.dismiss(len(s.free))
}

// flushSoon has what is queued sent at the next tick, unless it was sent before. It is called without mu.
func (s *h2Streams) flushSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm.by(s.clock().Now())
}
