package proxy

import (
	"io"
	"net"
	"time"
)

// tunnelGrace is how long one direction of a tunnel may outlive the other.
const tunnelGrace = 10 * time.Second

// tunnel carries bytes both ways after an upgrade, until either side ends it. What the client sent
// before the answer was held back until here (RFC 9110 section 7.8).
func (x *exchange) tunnel() {
	a, c := x.answer, x.conn
	x.status = 101
	x.hold()
	c.setPhase(tunnel)
	a.out = appendStatusLine(a.out[:0], 101, a.res.Reason)
	a.out = append(a.out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	a.out = append(appendFields(a.out, a.res.Fields), '\r', '\n')
	a.out = append(a.out, a.up[a.at:a.have]...)
	early := x.in[x.next:x.have]
	if c.write(a.out) == nil && x.link.writeAll(early) == nil {
		x.dropAnswer()
		x.sent = x.join()
	}
	x.giveBack(false)
}

// join copies in both directions and returns how many bytes went to the client.
func (x *exchange) join() int64 {
	client, app := x.conn.sock.conn, x.link.conn
	down := make(chan int64)
	go copyDown(down, client, app)
	splice(app, client)
	limit := time.Now().Add(tunnelGrace)
	_ = app.SetDeadline(limit)
	_ = client.SetDeadline(limit)
	return <-down
}

// copyDown copies from the app to the client. When the app has ended, the client is given the rest of
// the grace to end too.
func copyDown(done chan<- int64, client, app net.Conn) {
	n := splice(client, app)
	_ = client.SetDeadline(time.Now().Add(tunnelGrace))
	done <- n
}

// splice copies until src ends and passes the end on. The kernel moves the bytes where it can.
func splice(dst, src net.Conn) int64 {
	n, _ := io.Copy(dst, src)
	if cw, ok := dst.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
	return n
}
