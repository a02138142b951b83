package proxy

import (
	"context"
	"sync/atomic"
)

// presence returns a context that ends with errClientGone as soon as the client hangs up. It is for
// requests that wait in a queue; end must be called before the connection is read again.
func (c *conn) presence() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(c.srv.ctx)
	w := &watch{conn: c, cancel: cancel, done: make(chan struct{})}
	go w.run()
	return ctx, w.end
}

// A watch waits for the end of a client's stream. Bytes of a further request do not end it.
type watch struct {
	conn   *conn
	cancel context.CancelCauseFunc
	ended  atomic.Bool
	done   chan struct{}
}

func (w *watch) run() {
	defer close(w.done)
	for !w.ended.Load() {
		err := w.conn.sock.raw.Read(func(fd uintptr) bool { return w.ended.Load() || hungUp(fd) })
		if timedOut(err) {
			w.conn.sock.calm()
			continue
		}
		if !w.ended.Load() {
			w.cancel(errClientGone)
		}
		return
	}
}

func (w *watch) end() {
	w.ended.Store(true)
	w.conn.sock.wake()
	<-w.done
	w.conn.sock.calm()
	w.cancel(nil)
}
