package proxy

import (
	"errors"
	"fmt"
	"io"

	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// A reply is what answers a request, wherever it comes from. It is memory of its exchange.
type reply struct {
	head    wire.ResponseHead
	length  int64   // of the content; -1 = its end will tell
	content content // nil = none
	upgrade bool    // the connection becomes a WebSocket
}

// A content is what comes behind a reply's head.
type content interface {
	// Next returns the next piece, valid until the next call. It never waits: nothing is nothing now, and
	// Wait waits for more. The end is io.EOF.
	Next() ([]byte, error)
	Wait()
	Trailers() []wire.Field
	Close(err error) // says that no more is asked for, and why: nil = it has ended
}

// newReply begins a reply of ours without content.
func (x *exchange) newReply(status int) *reply {
	x.reply = reply{length: -1}
	x.reply.head.Status, x.reply.head.Reason = status, wire.Reason(status)
	return &x.reply
}

func (r *reply) add(name, value string) {
	r.head.Added = append(r.head.Added, wire.Field{Name: []byte(name), Value: []byte(value)})
}

// deliver passes a reply on to the client.
func (x *exchange) deliver(r *reply) {
	x.story.status = r.head.Status
	if r.upgrade {
		x.tunnel(r)
		return
	}
	if x.mustMeasure(r) {
		if err := x.measure(r); err != nil {
			if r = x.failure(err); r == nil {
				return
			}
		}
	}
	x.call.Begin(&r.head, r.length)
	var trailers []wire.Field
	if r.content != nil {
		err := x.pour(r.content)
		trailers = r.content.Trailers()
		if err != nil {
			x.cut(err)
			x.close(r.content, err)
			return
		}
		x.close(r.content, nil)
	}
	if err := x.call.End(trailers); errors.Is(err, spool.ErrFull) {
		x.cut(err)
	}
}

// pour passes content on as it comes. What the client does not take at once waits in the spool, so that
// the content's owner does not wait for the client.
func (x *exchange) pour(from content) error {
	if f, ok := from.(*fileContent); ok {
		return x.sendFile(f)
	}
	for {
		data, err := from.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(data) > 0:
			x.story.sent += int64(len(data))
			x.call.Write(data)
			continue
		}
		if err := x.call.Flush(); err != nil {
			return unwanted(err)
		}
		from.Wait()
	}
}

// close ends the use of content. If others may be waiting for a process's last answer (the switch of a
// blue-green restart), its last bytes go out first, as far as the client takes them.
func (x *exchange) close(from content, err error) {
	if err == nil && x.loan.proc != nil && x.loan.proc.Draining() {
		_ = x.call.Flush()
	}
	from.Close(err)
}

// cut ends an answer that is not whole.
func (x *exchange) cut(err error) {
	if !gone(err) {
		x.note("the answer was cut short: " + err.Error())
	}
	x.call.Cut()
}

// unwanted says why a client takes no more.
func unwanted(err error) error {
	if errors.Is(err, spool.ErrUnread) || errors.Is(err, spool.ErrFull) {
		return err
	}
	return client.ErrGone
}

// mostMeasured is how much of an answer is taken in to learn its length.
const mostMeasured = 64 << 20

// mustMeasure reports whether only its length can tell a reply that was cut.
func (x *exchange) mustMeasure(r *reply) bool {
	bodiless := r.content == nil || x.req.IsHead() || r.head.Status == 304
	return r.length < 0 && !bodiless && x.call.NeedsLength() && !x.endless()
}

// measure takes the whole content in.
func (x *exchange) measure(r *reply) error {
	from := r.content
	whole := &wholeContent{}
	whole.body.Init(x.srv.spool)
	err := whole.take(from)
	x.close(from, err)
	if err != nil {
		whole.Close(err)
		return err
	}
	r.content, r.length = whole, whole.body.Size()
	return nil
}

// A wholeContent is content that was taken in.
type wholeContent struct {
	body  spool.Body
	from  io.Reader
	piece []byte
}

var errNotMeasured = fmt.Errorf("an answer without a length to an HTTP/1.0 client on a unix socket is larger than %d MiB", mostMeasured>>20)

func (w *wholeContent) take(from content) error {
	for {
		data, err := from.Next()
		switch {
		case errors.Is(err, io.EOF):
			w.body.Complete()
			w.from = w.body.Reader()
			return nil
		case err != nil:
			return err
		case w.body.Size()+int64(len(data)) > mostMeasured:
			return errNotMeasured
		case len(data) == 0:
			from.Wait()
			continue
		}
		switch err := w.body.Append(data); {
		case errors.Is(err, spool.ErrTooLarge):
			return errNotMeasured
		case err != nil:
			return err
		}
	}
}

// Next ends each piece with a pause, in which it is sent: only so much is gathered.
func (w *wholeContent) Next() ([]byte, error) {
	if w.piece == nil {
		w.piece = make([]byte, spool.Memory)
	} else if len(w.piece) == 0 {
		w.piece = w.piece[:cap(w.piece)]
		return nil, nil
	}
	n, err := io.ReadFull(w.from, w.piece)
	if n > 0 {
		data := w.piece[:n]
		w.piece = w.piece[:0]
		return data, nil
	}
	return nil, err
}

func (w *wholeContent) Wait()                  {}
func (w *wholeContent) Trailers() []wire.Field { return nil }
func (w *wholeContent) Close(error)            { w.body.Reset() }
