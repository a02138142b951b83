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
	x.site.taking.Add(1)
	defer x.site.taking.Add(-1)
	trailers, err := x.call.TakeBody(&x.body, x.site.app.MaxBody)
	if x.site.app.PassTrailers {
		x.order.Trailers = trailers
	}
	return err
}
