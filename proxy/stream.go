package proxy

import (
	"errors"

	"purser/pool"
	"purser/proxy/wire"
)

// errStreamDue says that an event stream is to end, or that its grace to do so has passed.
var errStreamDue = errors.New("the event stream is due to end")

// hold counts the exchange as a long-lived connection: it may last for ever, so a drain has another
// limit for it.
func (x *exchange) hold() {
	x.site.group.Hold(x.proc)
	x.held = true
}

// holdStream is hold for an event stream. Where a process takes only so many requests at once, one of
// its threads is busy with the stream: it goes on counting as a request, lest another is sent to wait
// behind it.
//
// A stream whose end can be told from a cut ends at its moment when the process is asked to exit: its
// client connects again by itself.
func (x *exchange) holdStream() {
	if x.unlimited() {
		x.hold()
	}
	x.conn.setPhase(tunnel)
	if d := &x.delivery; d.out == inChunks || d.out == untilClose {
		d.events = wire.Events{}
		d.stay = x.conn.srv.stays.join(x.proc, x.site.app.WebsocketCloseWindow, x.conn.app.force)
	}
}

func (x *exchange) leaveStream() {
	if s := x.delivery.stay; s != nil {
		s.leave()
		x.delivery.stay = nil
	}
}

// upToEnd returns what of data is still to be sent: all of it, unless the stream is ending. Then it is
// over with the present event.
func (d *delivery) upToEnd(data []byte) []byte {
	switch {
	case d.over:
		return nil
	case !d.ending:
		d.events.Follow(data)
		return data
	}
	data = data[:d.events.Next(data)]
	d.over = d.events.Between()
	return data
}

// staysOn is called when reading an event stream has failed, and reports whether to read on: the rest
// of an event is waited for. When it reports false the stream may be over. Of a process that died when
// it was asked to exit, it is so only at its moment.
func (x *exchange) staysOn(err error) bool {
	d := &x.delivery
	switch {
	case errors.Is(err, errClientGone):
	case !errors.Is(err, errStreamDue):
		x.dropAnswer()
		d.over = d.stay.leaving() && d.stay.await(nil)
	case d.ending || d.events.Between():
		d.over = true
	default:
		d.ending = true
		x.conn.app.arm(x.link, x.conn.srv.clock.in(tunnelGrace))
		return true
	}
	return false
}

// outcomeOf says what the failure of a request tells about the code that was to answer it.
func outcomeOf(err error) pool.Outcome {
	switch {
	case errors.Is(err, errClientGone), errors.Is(err, errRefused), errors.Is(err, errUnsent), errors.Is(err, errNoLink):
		return pool.Unclear
	}
	return pool.Erred
}

// outcomeOfAnswer says what an answer tells, which may have been cut short.
func outcomeOfAnswer(status int, err error) pool.Outcome {
	switch {
	case status >= 500:
		return pool.Erred
	case err != nil:
		return outcomeOf(err)
	}
	return pool.Worked
}
