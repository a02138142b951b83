package proxy

import (
	"slices"

	"golang.org/x/sys/unix"

	"purser/pool"
	"purser/proxy/wire"
)

// A webSocket carries bytes both ways after an upgrade, until either side ends it or its process is
// asked to exit. Then, at its moment, both sides are sent a Close frame, each between two frames of
// what the other sends, and have a grace to end by themselves.
//
// An app that dies at once when it is asked to exit does not take its clients with it: they stay until
// their moments. The bytes are followed by the headers of their frames only, and while neither side
// sends anything no memory is held for them.
type webSocket struct {
	conn  *conn
	stay  *stay
	down  flow          // from the app to the client; has a goroutine of its own
	up    flow          // from the client to the app
	heard chan struct{} // closed when the client has ended its side
	ended chan struct{} // closed when down has ended
}

func newWebSocket(x *exchange) *webSocket {
	w := &webSocket{conn: x.conn, heard: make(chan struct{}), ended: make(chan struct{})}
	w.down = flow{ws: w, src: x.link, dst: x.conn.sock}
	w.up = flow{ws: w, src: x.conn.sock, dst: x.link, masked: true}
	w.stay = x.conn.srv.stays.join(x.proc, x.site.app.WebsocketCloseWindow, w.wake)
	return w
}

// wake has both directions look at what has become of the connection.
func (w *webSocket) wake() {
	w.down.deadline(longAgo)
	w.up.deadline(longAgo)
}

// tunnel passes on the answer to an upgrade and all that follows. What the client sent before the
// answer was held back until here (RFC 9110 section 7.8).
func (x *exchange) tunnel() {
	a, c := x.answer, x.conn
	x.status = 101
	x.hold()
	c.setPhase(tunnel)
	a.out = appendStatusLine(a.out[:0], 101, a.res.Reason)
	a.out = append(a.out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	a.out = append(x.appendPin(appendFields(a.out, a.res.Fields)), '\r', '\n')
	first, early := a.up[a.at:a.have], x.in[x.next:x.have]
	a.out = append(a.out, first...)
	w := newWebSocket(x)
	w.down.frames.Follow(first)
	w.up.frames.Follow(early)
	if c.write(a.out) == nil && w.up.write(early) {
		x.dropAnswer()
		x.keepHead()
		w.run()
		x.sent = w.down.moved
	}
	w.stay.leave()
	x.giveBack(false, pool.Worked)
}

// keepHead gives up all of the request's buffer but the head, which the log needs at the end.
func (x *exchange) keepHead() {
	head := slices.Clone(x.in[x.at : x.at+x.head])
	if x.req.Parse(head) == nil { // as it did before
		x.in, x.at, x.next, x.have = head, 0, len(head), len(head)
	}
}

func (w *webSocket) run() {
	go w.runDown()
	w.runUp()
	<-w.ended
}

// runUp passes on what the client sends. When nobody takes it any more it is dropped, as long as the
// client is there.
func (w *webSocket) runUp() {
	why := w.up.pass()
	if why == sinkEnded {
		w.down.allow()
		w.up.deaf = true
		why = w.up.pass()
	}
	if why == answered { // RFC 6455 section 7.1.1: then the server closes the connection
		_ = unix.Shutdown(int(w.conn.sock.fd), unix.SHUT_WR)
	}
	close(w.heard)
	_ = unix.Shutdown(int(w.up.dst.fd), unix.SHUT_WR)
	w.down.allow()
}

// runDown passes on what the app sends, and in the end that it has ended.
func (w *webSocket) runDown() {
	defer close(w.ended)
	how := unix.SHUT_WR
	switch w.down.pass() {
	case sinkEnded:
		how = unix.SHUT_RDWR
	case sourceEnded:
		if !w.down.frames.Closed() && w.stay.leaving() && w.stay.await(w.heard) {
			w.down.limit.Store(0) // it may have passed in the meantime
			w.down.allow()
			w.down.sayClose()
		}
	}
	_ = unix.Shutdown(int(w.conn.sock.fd), how)
	w.up.allow()
}

// closeFrame is what ends a WebSocket for the sake of a restart.
func closeFrame(masked bool, mask uint32) []byte {
	return wire.AppendClose(nil, wire.CloseRestart, "service restart", masked, mask)
}
