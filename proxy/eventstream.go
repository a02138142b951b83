package proxy

import (
	"errors"
	"io"

	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An eventStream is an answer that may last for ever (text/event-stream). When its process is asked to
// exit it is ended between two events: its client connects again by itself.
type eventStream struct {
	*appContent
	closing *closing    // nil if its end could not be told from a cut
	events  wire.Events // what the client was sent of it
	ending  bool        // it ends with the present event
	over    bool
}

// newEventStream counts the exchange as a long-lived connection. Where a process takes only so many
// requests at once, one of its threads is busy with the stream: it goes on filling its place, lest another
// request is sent to wait behind it.
func newEventStream(x *exchange, mayEnd bool) *eventStream {
	if x.site.unlimited() {
		x.loan.hold()
	} else {
		x.loan.stream()
	}
	x.call.LongLived(spool.StreamMost)
	s := &eventStream{appContent: (*appContent)(x)}
	if mayEnd {
		s.closing = x.closings.add(x.loan.proc, x.site.app.WebsocketCloseWindow, x.ask.Link().Wake)
	}
	return s
}

// Next returns what the client is still to be sent.
func (s *eventStream) Next() ([]byte, error) {
	if s.closing == nil {
		return s.appContent.Next()
	}
	if s.isOver() {
		return nil, io.EOF
	}
	data, err := s.appContent.Next()
	switch {
	case errors.Is(err, upstream.ErrGone) && s.ctx.Err() != nil:
		return nil, io.EOF // purser stops: what it ends itself ends in order
	case errors.Is(err, upstream.ErrStalled): // the rest of an event did not come in time
		return nil, io.EOF
	case errors.Is(err, upstream.ErrShortAnswer) && s.closing.processLeaves() && s.closing.await(nil):
		return nil, io.EOF // the process died when it was asked to exit: its clients stay until they are due
	case s.ending:
		data = data[:s.events.Next(data)]
		s.over = s.events.Between()
	default:
		s.events.Follow(data)
	}
	return data, err
}

// isOver reports whether the stream has ended, or begins its end: what is due ends at once between two
// events, else with the present one.
func (s *eventStream) isOver() bool {
	if !s.over && !s.ending && s.closing.isDue() {
		s.ending = true
		s.ask.Within(closeGrace)
		s.over = s.events.Between()
	}
	return s.over
}

// Close also forgets that it is to be closed.
func (s *eventStream) Close(err error) {
	if s.closing != nil {
		s.closing.remove()
	}
	s.appContent.Close(err)
}
