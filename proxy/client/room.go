package client

import (
	"slices"
	"time"

	"purser/proxy/sock"
)

// Room is how much room there is for new connections.
type Room int

// The zero value is what there is if nobody says otherwise.
const (
	MuchRoom   Room = iota
	LittleRoom      // those that do nothing make room for a new one
	NoRoom          // if none can, a new one is turned away
)

// makeRoom has others end for a new connection if there is little room, which it returns if any did. It reports
// false if the new one has to be turned away. While others may still turn out to be slow it waits, and so do those
// in the backlog.
func (s *Conns) makeRoom(stream *sock.Socket) (room Room, found bool) {
	if s.Room == nil {
		return MuchRoom, true
	}
	for end := s.Sweeper.Clock.Exact() + int64(2*slowHead); ; time.Sleep(slowHead / 50) {
		room = s.Room(stream.FD())
		switch {
		case room == MuchRoom, s.Shed():
			return room, true
		case room == LittleRoom: // which is room enough for those who work
			return MuchRoom, true
		case s.stopping.Load(), !s.anyYoung(), s.Sweeper.Clock.Exact() > end:
			return room, false
		}
	}
}

// anyYoung reports whether there are connections whose heads are not late yet: in a moment they will be, or they
// are served.
func (s *Conns) anyYoung() (any bool) {
	s.each(func(c *conn) {
		p := c.present()
		any = any || p == expecting || p == reading
	})
	return any
}

// sayNo tells a client that there is no room for it, without waiting for anything. What TLS would have to
// negotiate first is not said.
func sayNo(stream *sock.Socket, clear bool, answer []byte) {
	if clear {
		_, _ = stream.TryWrite(answer)
		stream.CloseWrite()
		stream.Discard()
	}
}

// Shed ends connections so that descriptors become free, and reports whether any will. The one that has been sending a
// head for the longest time goes first, if that is long for a head; then all that are idle; then the one whose body has
// not moved for the longest time, if that is long for a body; then the oldest head after all.
func (s *Conns) Shed() bool {
	if s.dropOldest(slowHead, expecting, reading) {
		return true
	}
	if s.drop(func(c *conn) bool { return c.present() == idle || c.present() == lingering }) > 0 {
		return true
	}
	return s.dropOldest(slowBody, taking) || s.dropOldest(0, reading)
}

// dropOldest ends, of the connections that have been at one of some phases for so long, the one that has for the
// longest time.
func (s *Conns) dropOldest(least time.Duration, at ...phase) bool {
	latest := s.Sweeper.Clock.Now() - int64(least)
	oldest := s.oldest(func(c *conn) bool {
		return slices.Contains(at, c.present()) && (least == 0 || c.since.Load() < latest)
	})
	if oldest == nil {
		return false
	}
	oldest.drop()
	return true
}

// drop ends some connections and returns how many these are.
func (s *Conns) drop(which func(*conn) bool) (n int) {
	s.each(func(c *conn) {
		if which(c) {
			c.drop()
			n++
		}
	})
	return n
}

// oldest returns, of some connections that are not to end already, the one that has been at what it is for
// the longest time.
func (s *Conns) oldest(which func(*conn) bool) (oldest *conn) {
	s.each(func(c *conn) { // from the newest to the oldest
		if which(c) && !c.dropped.Load() && (oldest == nil || c.since.Load() <= oldest.since.Load()) {
			oldest = c
		}
	})
	return oldest
}
