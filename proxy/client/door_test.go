package client

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// A door is connections whose calls the test answers.
type door struct {
	*Conns
	t        *testing.T
	listener net.Listener
	accept   sync.WaitGroup
}

// answerer is a function as a Handler.
type answerer func(c Call, bad error)

func (a answerer) Serve(c Call, bad error) { a(c, bad) }

// refuse answers without reading a body.
func refuse(c Call, _ error) {
	c.Begin(&wire.ResponseHead{Status: 413}, 0)
	_ = c.End(nil)
}

// hello takes the body and greets.
func hello(c Call, bad error) {
	if bad != nil {
		refuse(c, bad)
		return
	}
	c.Begin(&wire.ResponseHead{Status: 200}, 5)
	c.Write([]byte("hello"))
	_ = c.End(nil)
}

func newDoor(t *testing.T, most int, answer answerer) *door {
	t.Helper()
	sweeper := sock.NewSweeper()
	ctx, cancel := context.WithCancel(context.Background())
	var sweeping sync.WaitGroup
	sweeping.Go(func() { sweeper.Run(ctx) })
	d := &door{t: t, Conns: NewConns(Config{Limits: usual, Handler: func() Handler { return answer }, Sweeper: sweeper,
		Spool: spool.New(func(room int64) int64 { return room / 2 }, 1<<40, sweeper.Clock), Log: hclog.NewNullLogger()})}
	if most > 0 {
		d.Room, d.NoRoomAnswer = func(uintptr) Room { return d.roomFor(most) }, []byte(noRoomAnswer)
	}
	var err error
	if d.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	d.accept.Go(func() {
		for {
			c, err := d.listener.Accept()
			if err != nil {
				return
			}
			d.Add(c)
		}
	})
	t.Cleanup(func() {
		_ = d.listener.Close()
		d.accept.Wait()
		d.Stop()
		d.Close()
		cancel()
		sweeping.Wait()
	})
	return d
}

const noRoomAnswer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

// roomFor is how much room there is where so many connections are as many as may be.
func (d *door) roomFor(most int) Room {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.count >= 2*most:
		return NoRoom
	case d.count >= most:
		return LittleRoom
	}
	return MuchRoom
}

// A caller is a client and the connection that it has.
type caller struct {
	net.Conn
	*bufio.Reader
	t    *testing.T
	conn *conn
}

func (c *caller) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// call connects and sends bytes.
func (d *door) call(format string, args ...any) *caller {
	d.t.Helper()
	before := d.newest()
	c, err := net.Dial("tcp", d.listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(longWait))
	d.await("the connection is accepted", func() bool { return d.newest() != before })
	out := &caller{Conn: c, Reader: bufio.NewReader(c), t: d.t, conn: d.newest()}
	fmt.Fprintf(c, format, args...)
	return out
}

// stranger connects, and may be turned away.
func (d *door) stranger() *caller {
	d.t.Helper()
	c, err := net.Dial("tcp", d.listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(longWait))
	return &caller{Conn: c, Reader: bufio.NewReader(c), t: d.t}
}

func (d *door) newest() *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}

func (d *door) await(what string, cond func() bool) {
	d.t.Helper()
	for end := time.Now().Add(longWait); !cond(); {
		if time.Now().After(end) {
			d.t.Fatalf("not in time: %s", what)
		}
		time.Sleep(100 * time.Microsecond) // a pace, not a wait: who spins keeps the others from what is waited for
	}
}

// is waits until the connection is at something, and pretends that it has been for some time.
func (d *door) is(c *caller, at phase, since time.Duration) {
	d.t.Helper()
	d.await("the connection is at it", func() bool { return c.conn.present() == at })
	c.conn.since.Add(-int64(since))
}

// expectEnd checks that the connection ends without another byte.
func (c *caller) expectEnd() {
	c.t.Helper()
	if b, err := c.ReadByte(); err == nil {
		c.t.Errorf("got %q, want the end", b)
	}
}

// expect checks the status of an answer.
func (c *caller) expect(status int) {
	c.t.Helper()
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil || res.StatusCode != status {
		c.t.Fatalf("got %v, %v, want %d", res, err, status)
	}
	if _, err := c.Discard(int(res.ContentLength)); err != nil {
		c.t.Fatal(err)
	}
}
