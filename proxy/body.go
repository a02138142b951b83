package proxy

import "fmt"

// takeBody takes the whole body in: no process is held while a client sends. A client that waits to be
// asked for it is refused before, if that is known already.
func takeBody(x *exchange) error {
	if x.req.Length == 0 {
		return nil
	}
	if x.req.Continue {
		if err := x.site.group.Full(); err != nil {
			return fmt.Errorf("before its body was taken: %w", err)
		}
	}
	if x.site.buffers.streams(x.req) {
		return x.streamBody()
	}
	x.site.taking.Add(1)
	defer x.site.taking.Add(-1)
	trailers, err := x.call.TakeBody(&x.body, x.site.limits.maxBody(x))
	x.story.received = x.body.Size()
	if x.site.app.PassTrailers {
		x.order.Trailers = trailers
	}
	return err
}

// streamBody has the body sent to a process while it comes. It cannot be sent again: who gets it once gets no other try.
func (x *exchange) streamBody() (err error) {
	x.stream, err = x.call.Stream(x.site.limits.maxBody(x))
	if err == nil {
		x.order.Source, x.order.PassOn = x.stream, x.site.app.PassTrailers
	}
	return err
}
