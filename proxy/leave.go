package proxy

import (
	"net"
	"slices"
	"time"
)

// lastAccept is how long those are accepted who had connected before a listener was left.
const lastAccept = 50 * time.Millisecond

// Leave ends the accepting on l, which is closed once those who are connected by now were accepted. Their
// connections go on.
func (s *Server) Leave(l net.Listener) {
	s.mu.Lock()
	s.listeners = slices.DeleteFunc(slices.Clone(s.listeners), func(other net.Listener) bool { return other == l })
	s.mu.Unlock()
	if timed, ok := l.(interface{ SetDeadline(time.Time) error }); !ok || timed.SetDeadline(time.Now().Add(lastAccept)) != nil {
		_ = l.Close()
	}
}

// hasLeft reports whether Leave was called for l.
func (s *Server) hasLeft(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.Contains(s.listeners, l)
}
