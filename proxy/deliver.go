package proxy

import (
	"errors"
	"io"
	"strconv"

	"purser/proxy/wire"
)

// A delivery is how the content of an answer comes in and goes out.
type delivery struct {
	chunks  wire.Chunked // decodes what comes in, if chunkedIn
	left    int64        // of a known length: bytes to come; -1 = until the app closes
	in, out framing
	pipe    *pipe // the answer goes through it since the client fell behind
	err     error // of writing to the client

	stay   *stay       // of an event stream that may be ended
	events wire.Events // what the client was sent of it
	ending bool        // its moment has come
	over   bool        // it was ended by us
}

type framing uint8

const (
	noContent framing = iota
	byLength
	inChunks
	untilClose
)

var errShortAnswer = errors.New("the process ended the connection inside its answer")

// deliver passes the answer, whose head has been read, on to the client, and gives the process back
// as soon as the last byte has come from it. It reports whether the client's connection can go on.
func (x *exchange) deliver() (keep bool) {
	a, c := x.answer, x.conn
	if a.res.Status == 101 {
		x.tunnel()
		return false
	}
	reusable := !a.res.Close
	keep = x.beginDelivery(&a.res)
	x.status = a.res.Status
	a.out = x.appendAnswerHead(a.out[:0], keep)
	if a.res.EventStream {
		x.holdStream()
	}
	err := x.relay()
	x.leaveStream()
	a = x.borrowAnswer()
	reusable = reusable && err == nil && a.at == a.have && !x.delivery.over // bytes after the answer are nobody's
	if x.proc.Draining() && err == nil && x.delivery.pipe == nil && x.delivery.err == nil {
		x.writeAhead() // others may wait for this one to be the last answer of old code
	}
	x.giveBack(reusable, outcomeOfAnswer(x.status, err))
	if x.delivery.pipe != nil {
		if err != nil {
			x.delivery.pipe.abort(err)
		}
		keep = x.delivery.pipe.finish(a.out) && keep
	} else if x.delivery.err == nil && (err == nil || !errors.Is(err, errClientGone)) {
		x.delivery.err = c.write(a.out)
	}
	if err != nil {
		x.note("the answer was cut short: " + err.Error())
	}
	return keep && err == nil && x.delivery.err == nil
}

// writeAhead writes as much of what is left as the client takes at once.
func (x *exchange) writeAhead() {
	a := x.answer
	n, err := x.conn.sock.tryWriting(a.out)
	a.out, x.delivery.err = a.out[:copy(a.out, a.out[n:])], err
}

// beginDelivery decides how the content is framed on both sides, and whether the client's connection
// can go on.
func (x *exchange) beginDelivery(r *wire.Response) (keep bool) {
	d := &x.delivery
	d.chunks.Reset(wire.ByApp)
	d.left, d.pipe, d.err = r.Length, nil, nil
	d.ending, d.over = false, false
	keep = !x.req.Close && !x.conn.srv.stopping.Load()
	if x.req.WebSocketKey != nil && x.next < x.have {
		keep = false // what follows a refused upgrade may be anything but a request
	}
	switch {
	case r.Bodiless:
		d.in, d.out = noContent, noContent
	case r.Chunked:
		d.in, d.out = inChunks, inChunks
	case r.Length >= 0:
		d.in, d.out = byLength, byLength
	default:
		d.in, d.out = untilClose, inChunks
	}
	if d.out == inChunks && x.req.Minor == 0 {
		d.out = untilClose
		keep = false
	}
	return keep
}

// relay moves the content from the process to the client until its end. What is gathered in the
// answer's out when it returns is still to be written.
func (x *exchange) relay() error {
	for {
		done, err := x.gather()
		if x.delivery.over {
			return x.endContent(x.answer)
		}
		if done || err != nil {
			return err
		}
		if err := x.flush(); err != nil {
			return err
		}
		x.conn.asked.Store(x.conn.srv.clock.now())
		err = x.fillAnswer()
		x.conn.asked.Store(0)
		if err == nil {
			continue
		}
		goesOn := x.delivery.stay != nil && x.staysOn(err)
		a := x.borrowAnswer()
		a.out = a.out[:0]
		switch {
		case goesOn:
		case x.delivery.over, x.delivery.in == untilClose && errors.Is(err, io.EOF):
			return x.endContent(a)
		case errors.Is(err, errClientGone):
			return err
		default:
			return errShortAnswer
		}
	}
}

// endContent ends content whose end was the end of the connection.
func (x *exchange) endContent(a *answer) error {
	if x.delivery.out == inChunks {
		a.out = append(a.out, "0\r\n\r\n"...)
	}
	return nil
}

// gather moves what has come into out, framed for the client, and reports whether that was all.
func (x *exchange) gather() (done bool, err error) {
	a, d := x.answer, &x.delivery
	for {
		switch d.in {
		case noContent:
			return true, nil
		case byLength:
			n := min(d.left, int64(a.have-a.at))
			x.append(a.up[a.at : a.at+int(n)])
			a.at += int(n)
			d.left -= n
			return d.left == 0, nil
		case untilClose:
			x.append(a.up[a.at:a.have])
			a.at = a.have
			return false, nil
		}
		data, n, err := d.chunks.Next(a.up[a.at:a.have])
		a.at += n
		switch {
		case err != nil:
			return false, err
		case len(data) > 0:
			x.append(data)
		case d.chunks.Done():
			x.appendEnd()
			return true, nil
		case n == 0 || a.at == a.have:
			return false, nil
		}
	}
}

// append adds content to out in the client's framing.
func (x *exchange) append(data []byte) {
	a := x.answer
	if x.delivery.stay != nil {
		data = x.delivery.upToEnd(data)
	}
	if len(data) == 0 {
		return
	}
	x.sent += int64(len(data))
	if x.delivery.out != inChunks {
		a.out = append(a.out, data...)
		return
	}
	a.out = strconv.AppendInt(a.out, int64(len(data)), 16)
	a.out = append(a.out, '\r', '\n')
	a.out = append(a.out, data...)
	a.out = append(a.out, '\r', '\n')
}

// appendEnd adds the last chunk, with the app's trailers if the client takes them (RFC 9110 section
// 6.5.1).
func (x *exchange) appendEnd() {
	if x.delivery.out != inChunks {
		return
	}
	a := x.answer
	a.out = append(a.out, '0', '\r', '\n')
	var trailers []wire.Field
	if x.req.Trailers {
		trailers = x.delivery.chunks.Trailers
	}
	a.out = appendTrailers(a.out, trailers)
}

// flush passes on what has been gathered. A client that does not take it at once gets the rest, and
// all that follows, through a pipe, at its own speed.
func (x *exchange) flush() error {
	a, d := x.answer, &x.delivery
	if d.pipe != nil {
		if !d.pipe.write(a.out) {
			return errClientGone
		}
	} else {
		n, err := x.conn.sock.tryWriting(a.out)
		if err != nil {
			d.err = err
			return errClientGone
		}
		if n < len(a.out) {
			d.pipe = startPipe(x.conn, a.out[n:])
		}
	}
	a.out = a.out[:0]
	return nil
}
