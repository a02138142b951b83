package proxy

import (
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/client"
	"purser/proxy/files"
	"purser/proxy/sock"
)

// complaints are what is said of connections that cannot be served, each once in a while.
type complaints struct{ notAccepted, turnedAway, madeRoom complaint }

// A complaint is when something was last said; 0 = never.
type complaint struct{ last atomic.Int64 }

// again is how long a complaint is not repeated.
const again = time.Minute

// due reports whether it is to be said now.
func (c *complaint) due(clock *sock.Clock) bool {
	now, last := clock.Now(), c.last.Load()
	return (last == 0 || now-last > int64(again)) && c.last.CompareAndSwap(last, now)
}

// accepted says what it took to let a connection in, or that it was not, and has the next one wait for a moment
// where there is no room: those that were told to end need one to do so.
func (s *Server) accepted(room client.Room, in bool) {
	if room == client.MuchRoom {
		return
	}
	switch {
	case !in && s.complaints.turnedAway.due(s.clock):
		s.log.Error("connections are turned away, as many file descriptors are in use as may be, and no connection is idle; raise LimitNOFILE")
	case in && s.complaints.madeRoom.due(s.clock):
		s.log.Warn("idle connections are closed to make room for new ones, as file descriptors are short; raise LimitNOFILE")
	}
	if room == client.NoRoom {
		s.pause(time.Millisecond)
	}
}

// notAccepted deals with an error that says something about one connection, or about the machine: there
// will be others.
func (s *Server) notAccepted(err error) {
	if errors.Is(err, unix.ECONNABORTED) {
		return
	}
	if s.complaints.notAccepted.due(s.clock) {
		s.log.Error("cannot accept a connection, trying again", "error", err)
	}
	if files.OutOfDescriptors(err) && s.conns.Shed() {
		s.pause(time.Millisecond)
		return
	}
	s.pause(100 * time.Millisecond)
}

// pause waits, or until the server stops.
func (s *Server) pause(d time.Duration) {
	select {
	case <-s.ctx.Done():
	case <-time.After(d):
	}
}
