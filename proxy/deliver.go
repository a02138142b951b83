package proxy

import (
	"errors"
	"io"

	"purser/proxy/client"
	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// deliver passes a reply on to the client.
func (x *exchange) deliver(r *reply) {
	x.story.status = r.head.Status
	x.dress(r)
	if r.upgrade {
		tunnel(x, r)
		return
	}
	if err := x.prepare(r); err != nil {
		if r = x.failure(err); r == nil {
			return
		}
		x.dress(r)
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
	if err := x.call.End(trailers); err != nil {
		x.cut(unwanted(err))
	}
}

// dress gives a reply what all answers of its site have. It is encoded as its fields allow it that go out, so that comes
// last.
func (x *exchange) dress(r *reply) {
	if x.site == nil {
		return
	}
	x.site.headers.change(x, &r.head)
	if x.site.hsts != nil {
		x.addHSTS(&r.head)
	}
	if x.site.compression != nil {
		x.site.compression.apply(x, r)
	}
}

// add adds fields to a head. Those that it has may lie in somebody else's memory, as that of a cache.
func (x *exchange) add(h *wire.ResponseHead, fields ...wire.Field) {
	x.added = append(append(x.added[:0], h.Added...), fields...)
	h.Added = x.added
}

// pour passes content on as it comes. What the client does not take at once waits in the spool, so that
// the content's owner does not wait for the client.
func (x *exchange) pour(from content) error {
	if f, ok := from.(*fileContent); ok {
		sent, err := f.sendTo(x.call)
		x.story.sent = sent
		return err
	}
	for {
		data, err := from.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // it comes bare, and for each answer
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
	if err == nil {
		x.body.Reset() // nobody sends it again, and the answer may wait for its client for long
	}
}

// cut ends an answer that is not whole.
func (x *exchange) cut(err error) {
	x.story.ending = x.endingBehind(err)
	if !gone(err) {
		x.rejects.note(x, "the answer was cut short: "+err.Error())
	}
	x.call.Cut()
}

var errSlowClient = errors.New("the client did not take it, or took it too slowly")

// unwanted says why a client takes no more.
func unwanted(err error) error {
	switch {
	case errors.Is(err, spool.ErrUnread), errors.Is(err, spool.ErrFull):
		return err
	case sock.TimedOut(err):
		return errSlowClient
	}
	return client.ErrGone
}

// prepare takes the content in whole where that is needed before the head is sent.
func (x *exchange) prepare(r *reply) error {
	switch {
	case x.story.detailed && x.details.rate > 0:
		return x.throttle(r)
	case x.mustMeasure(r) && x.call.NeedsLength():
		return x.measure(r)
	}
	return nil
}

// mustMeasure reports whether only the end of the content tells its length.
func (x *exchange) mustMeasure(r *reply) bool {
	return r.content != nil && r.length < 0 && !r.endless && !x.req.IsHead() && r.head.Status != 204 && r.head.Status != 304
}

// measure takes the whole content in, where only its length can tell an answer that was cut.
func (x *exchange) measure(r *reply) error {
	r.head.Keep()
	whole, err := x.takeWhole(r.content, mostMeasured)
	if err == nil {
		r.content, r.length = whole, whole.body.Size()
	}
	return err
}
