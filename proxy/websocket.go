package proxy

import (
	"sync/atomic"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/fault"
	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A webSocket carries bytes both ways after an upgrade, until either side ends it or its process is
// asked to exit. Then, when it is due, both sides are sent a Close frame, each between two frames of
// what the other sends, and have a grace to end by themselves.
//
// An app that dies at once when it is asked to exit does not take its clients with it: they stay until
// they are due. The bytes are followed by the headers of their frames only, and while neither side
// sends anything no memory is held for them.
type webSocket struct {
	call       client.Call
	client     client.Tunnel
	app        *sock.Socket
	closing    *closing
	down       flow          // from the app to the client; has a goroutine of its own
	up         flow          // from the client to the app
	clientDone chan struct{} // closed when the client has ended its side
	downDone   chan struct{} // closed when down has ended
	downFault  fault.Fault
	ender      atomic.Uint32 // the party that was the first to end it
}

// tunnel passes on the answer to an upgrade and all that follows.
func tunnel(x *exchange, r *reply) {
	x.loan.hold()
	link := x.ask.Link()
	x.call.WakeOnGone(link, false)
	defer x.call.WakeOnGone(nil, false)
	w := &webSocket{call: x.call, app: link, clientDone: make(chan struct{}), downDone: make(chan struct{})}
	first := x.ask.First()
	w.down.frames.Follow(first)
	var err error
	var early []byte
	if w.client, early, err = x.call.Tunnel(&r.head, first); err == nil {
		x.ask.Release()
		w.run(early, func(wake func()) *closing {
			return x.closings.add(x.loan.proc, x.site.app.WebsocketCloseWindow, wake)
		})
		x.story.sent, x.story.ending.by = w.down.moved, party(w.ender.Load())
	}
	x.ask.End()
	x.loan.end(pool.Worked)
}

// run carries bytes until both directions have ended.
func (w *webSocket) run(early []byte, enter func(wake func()) *closing) {
	w.down.begin(w, w.app, w.client)
	w.up.begin(w, w.client, w.app)
	w.up.masked, w.up.from, w.down.from = true, byClient, byApp
	w.closing = enter(w.wake)
	defer w.closing.remove()
	if w.down.frames.Closed() { // in what came with the answer
		w.endedBy(byApp)
	}
	w.up.follow(early)
	if w.up.write(early) {
		go w.runDown()
		defer w.awaitDown()
		w.runUp()
	}
}

// endedBy says who ends the WebSocket, by a Close frame or by the end of a connection. The first word counts: what
// follows is how the others answer it.
func (w *webSocket) endedBy(p party) { w.ender.CompareAndSwap(uint32(byNobody), uint32(p)) }

// ended is endedBy what a flow has ended with.
func (w *webSocket) ended(f *flow, why flowEnd) {
	by := f.from
	switch {
	case why == sinkEnded && f == &w.up:
		by = byApp
	case why == sinkEnded:
		by = byClient
	case why != sourceEnded:
		by = byPurser
	}
	if by == byApp && w.closing.processLeaves() { // as it was asked to
		by = byPurser
	}
	w.endedBy(by)
}

// awaitDown returns when nobody uses the connection any more, even if what ran beside it has ended by a
// fault.
func (w *webSocket) awaitDown() {
	select {
	case <-w.clientDone:
	default:
		w.client.Shutdown()
		w.app.Shutdown()
	}
	<-w.downDone
	w.downFault.Raise()
}

// wake has both directions look at what has become of the connection.
func (w *webSocket) wake() {
	w.down.deadline(sock.LongAgo)
	w.up.deadline(sock.LongAgo)
}

// runUp passes on what the client sends. When nobody takes it any more it is dropped, as long as the
// client is there.
func (w *webSocket) runUp() {
	why := w.up.pass()
	w.ended(&w.up, why)
	if why == sinkEnded {
		w.down.allow()
		w.up.discarding = true
		why = w.up.pass()
	}
	if why == answered { // RFC 6455 section 7.1.1: then the server closes the connection
		w.client.CloseWrite()
	}
	close(w.clientDone)
	w.app.CloseWrite()
	w.down.allow()
}

// runDown passes on what the app sends, and in the end that it has ended.
func (w *webSocket) runDown() {
	defer close(w.downDone)
	defer w.downFault.Catch(w.client.Shutdown)
	end := w.client.CloseWrite
	why := w.down.pass()
	w.ended(&w.down, why)
	switch why {
	case sinkEnded:
		end = w.client.Shutdown
	case sourceEnded:
		if !w.down.frames.Closed() && w.closing.processLeaves() && w.closing.await(w.clientDone) {
			w.down.limit.Store(0) // it may have passed in the meantime
			w.down.allow()
			w.down.sendClose()
		}
	}
	end()
	w.up.allow()
}

// closeFrame is what ends a WebSocket for the sake of a restart.
func closeFrame(masked bool, mask uint32) []byte {
	return wire.AppendClose(nil, wire.CloseRestart, "service restart", masked, mask)
}
