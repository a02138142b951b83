package upstream

import (
	"errors"
	"io"
	"time"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// pass sends a body while it comes from the client. Who reads the answer is told of the end: only then has the process
// all that it was asked. One that will not come whole is ended, so that the process does not wait for the rest.
func (s *sender) pass(r *Request) {
	s.short = s.passPieces(r)
	s.over.Store(true) // before the process may answer to the end of its request
	if s.short != nil {
		s.link.CloseWrite()
	}
	s.link.Wake()
}

// passPieces says why it will not come whole, unless it is the process that took no more of it: what that answers tells
// better.
func (s *sender) passPieces(r *Request) error {
	var chunk []byte
	for {
		piece, err := r.Source.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // it comes bare
			return s.passEnd(r)
		case err != nil:
			return err
		}
		if r.inChunks() {
			chunk = wire.AppendChunk(chunk[:0], piece)
			piece = chunk
		}
		if s.err = s.writeWithin(piece, r.Terms.Stall); s.err != nil {
			return stalled(s.err)
		}
	}
}

// stalled returns err if it is that.
func stalled(err error) error {
	if errors.Is(err, ErrStalled) {
		return err
	}
	return nil
}

func (s *sender) passEnd(r *Request) error {
	if !r.inChunks() {
		return nil
	}
	var trailers []wire.Field
	if r.PassOn {
		trailers = r.Source.Trailers()
	}
	s.err = s.writeWithin(wire.AppendLastChunk(nil, trailers), r.Terms.Stall)
	return stalled(s.err)
}

// writeWithin writes all of p. A process that takes nothing for as long as stall is waited for no more: its client waits,
// too, and nobody else would end it.
func (s *sender) writeWithin(p []byte, stall time.Duration) error {
	if stall <= 0 {
		return s.write(p)
	}
	defer s.link.SetWriteDeadline(sock.Never)
	for until := time.Now().Add(stall); len(p) > 0; {
		s.link.SetWriteDeadline(until)
		n, err := s.link.WriteSome(p)
		if p = p[n:]; n > 0 {
			until = time.Now().Add(stall)
		}
		switch {
		case err == nil:
		case !sock.TimedOut(err):
			return err
		case !time.Now().Before(until):
			return ErrStalled
		}
	}
	return nil
}

// uploaded looks whether a body that is sent while it comes has ended. The error says why the process will not have all
// of it.
func (a *Ask) uploaded() error {
	if !a.uploads || a.sender == nil || !a.sender.over.Load() {
		return nil
	}
	a.uploads = false
	return a.sender.short
}

// whyEnded is why a process has ended its side, unless it was told that its request will not come whole.
func (a *Ask) whyEnded(err error) error {
	if short := a.uploaded(); short != nil {
		return short
	}
	return err
}
