package upstream

import (
	"errors"
	"io"
	"sync/atomic"

	"purser/proxy/fault"
	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A sender sends a body to a process while the answer is read.
type sender struct {
	link   *sock.Socket
	source Source // nil = the body is all there
	done   chan struct{}
	over   atomic.Bool // of the source: short is set
	err    error       // of the link, once done is closed
	short  error       // why the source will not give all, once over is set
	fault  fault.Fault
}

// startSender sends first and then the body, unless all of it is in first.
func startSender(link *sock.Socket, first []byte, r *Request, whole bool) *sender {
	s := &sender{link: link, source: r.Source, done: make(chan struct{})}
	go s.run(first, r, whole)
	return s
}

func (s *sender) run(first []byte, r *Request, whole bool) {
	defer close(s.done)
	defer s.fault.Catch(s.fail)
	s.err = s.write(first)
	switch {
	case s.err != nil || whole:
	case s.source != nil:
		s.pass(r)
	default:
		s.err = s.writeBody(r)
	}
}

// fail ends the wait for an answer to what was not sent.
func (s *sender) fail() {
	s.err = errFault
	s.link.Shutdown()
}

// write writes all of p. A timeout is a wake for who reads: the sending is ended by a shutdown.
func (s *sender) write(p []byte) error {
	for len(p) > 0 {
		n, err := s.link.WriteSome(p)
		if p = p[n:]; sock.TimedOut(err) {
			s.link.SetWriteDeadline(sock.Never)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// writeBody sends the body as it is, or in chunks if trailers follow it.
func (s *sender) writeBody(r *Request) error {
	content := r.Body.Reader()
	buf, chunk := make([]byte, bufferSize), []byte(nil)
	for {
		n, err := content.Read(buf)
		piece := buf[:n]
		if len(r.Trailers) > 0 && n > 0 {
			chunk = wire.AppendChunk(chunk[:0], piece)
			piece = chunk
		}
		if err := s.write(piece); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if len(r.Trailers) > 0 {
		return s.write(wire.AppendLastChunk(nil, r.Trailers))
	}
	return nil
}

// join ends the sending and reports whether all was sent before. A process that answered without
// reading everything cannot be asked again on that connection.
func (s *sender) join(link *sock.Socket) bool {
	select {
	case <-s.done:
	default:
		link.Shutdown()
		if s.source != nil {
			s.source.Stop()
		}
		<-s.done
		return false
	}
	return s.err == nil && s.short == nil
}
