package client

import (
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

// turnAway tells a client that there is no room for it, without waiting for anything. What TLS would have to
// negotiate first is not said.
func (s *Conns) turnAway(stream *sock.Socket, clear bool) {
	if clear {
		_, _ = stream.TryWrite(s.NoRoomAnswer)
		stream.CloseWrite()
		stream.Discard()
	}
	stream.Close()
}
