package status

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// A leaving is how a Server leaves its addresses to another process, which goes on answering there. Nobody who has
// connected may be left without an answer, as http.Server.Shutdown would leave those whose request has just come.
type leaving struct {
	conns     sync.WaitGroup // connections that are not closed
	accepting sync.WaitGroup // accept

	mu      sync.Mutex // guards what follows
	doors   []net.Listener
	yielded bool
}

// opens notes that a server accepts on ln, unless it has left by now.
func (l *leaving) opens(ln net.Listener) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.yielded {
		l.doors = append(l.doors, ln)
		l.accepting.Add(1)
	}
	return !l.yielded
}

func (l *leaving) hasYielded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.yielded
}

// closeDoors has nobody accepted any more.
func (l *leaving) closeDoors() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.yielded = true
	for _, ln := range l.doors {
		_ = ln.Close()
	}
}

// track counts connections.
func (l *leaving) track(_ net.Conn, to http.ConnState) {
	switch to {
	case http.StateNew:
		l.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.conns.Done()
	}
}

// accept has a server answer who connects to ln, until it ends or leaves.
func (l *leaving) accept(server *http.Server, ln net.Listener) error {
	if !l.opens(ln) {
		return ln.Close()
	}
	defer l.accepting.Done()
	err := server.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) || l.hasYielded() {
		return nil
	}
	return err
}

// Yield accepts nobody any more: another process does. It ends the long polls and the event streams, as Shutdown does,
// and refuses what is asked from now on, as that is to be asked there. Calls that are under way are answered; Finish
// waits for them.
func (s *Server) Yield() {
	s.leaving.closeDoors()
	s.http.SetKeepAlivesEnabled(false)
	s.reading.SetKeepAlivesEnabled(false)
	s.end()
}

// Finish returns when all calls are answered that were under way at Yield, or when ctx ends.
func (s *Server) Finish(ctx context.Context) error {
	answered := make(chan struct{})
	go func() {
		s.leaving.accepting.Wait()
		s.leaving.conns.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	return s.Shutdown(ctx)
}

// stays refuses calls that are for another process by now. So it is with an order that could not be carried out as that
// came meanwhile: but for an upgrade, which is what has come.
func (s *Server) stays(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.leaving.hasYielded():
			sendOn(w)
		case r.Method != http.MethodPost || r.URL.Path == upgradePath:
			next.ServeHTTP(w, r)
		default:
			held := heldAnswer{ResponseWriter: w, status: http.StatusOK}
			next.ServeHTTP(&held, r)
			if held.status >= http.StatusBadRequest && s.leaving.hasYielded() {
				sendOn(w)
			} else {
				held.send()
			}
		}
	})
}

func sendOn(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	refuse(w, http.StatusServiceUnavailable, CodeMoved, "purser was upgraded at this moment; connect and ask again")
}

// A heldAnswer is one that is not sent yet.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }
func (h *heldAnswer) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h *heldAnswer) send() {
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // a caller that has gone needs no answer
}
