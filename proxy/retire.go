package proxy

import "context"

// Retire is for a server in whose place another is, of another process, with the same listeners and the same apps: it
// stops accepting and finishes what it has, which may take long. It returns once no connection is left, or the cause
// of ctx's end if that comes first. Shutdown must be called after it, and may be called to have it end sooner. It is
// called once.
//
// Who waits in the queue of a listener is left to the other, so nobody but the caller's copies of the listeners is
// closed. A connection of HTTP/1.1 gets one more answer at most, which says that it was the last; one that is idle is
// closed if no request comes within a few seconds. One of HTTP/2 is told to begin no more streams, and ends with the
// last. WebSockets and event streams are closed one by one within the websocket_close_window of their app, as when
// their process is asked to exit. Uploads and downloads go on to their end.
func (s *Server) Retire(ctx context.Context) error {
	s.closeListeners()
	s.accepting.Wait() // who was accepted at the last moment is served, too
	s.closings.retire()
	s.conns.Retire()
	return s.conns.AwaitNone(ctx)
}

// Left is what a server has under way.
type Left struct {
	Requests    int // without those that became long-lived connections
	LongLived   int // WebSockets and event streams
	Connections int // of clients, idle ones included
}

// Left returns what the server has under way.
func (s *Server) Left() Left {
	l := Left{LongLived: s.closings.open(), Connections: s.conns.Count()}
	l.Requests = max(0, int(s.underWay.Load())-l.LongLived)
	return l
}
