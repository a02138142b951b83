package proxy

import (
	"io"
	"net"
	"testing"
	"time"
)

// half ends what a client sends.
func (c *visitor) half() *visitor {
	c.t.Helper()
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
	return c
}

func TestHalfClosedClientInTheQueueIsGoneAtOnce(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	d := &desk{long: func(c *appConn) {
		close(began)
		until(t, end)
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong")
	}}
	f := newFront(t, d.serve, oneInPeace)
	first, second := f.dial(), f.dial()
	first.send(getLong)
	<-began
	second.send(get)
	f.awaitQueue(1)
	second.half()
	f.awaitQueue(0)
	second.expectEnd()
	close(end)
	first.expect(200, "long")
}

func TestHalfClosedClientOfAnUnlimitedProcessIsGoneAfterAMoment(t *testing.T) {
	for name, begin := range map[string]string{"before the answer": "", "inside it": byChunks} {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan struct{})
			f := newFront(t, func(_ testing.TB, c *appConn) {
				c.request()
				c.send("%s", begin)
				close(began)
				_, _ = io.Copy(io.Discard, c.Conn)
				close(ended)
			}, nil)
			c := f.dial()
			c.send(get)
			<-began
			c.half()
			select {
			case <-ended:
				t.Error("it was gone at once")
			default:
			}
			f.server.sweeper.Sweep(f.server.clock.In(2 * time.Second))
			<-ended
			f.free()
		})
	}
}

func TestHalfClosedClientThatIsAnsweredInAMomentGetsItsAnswer(t *testing.T) {
	newFront(t, hello, nil).free().dial().send(get).half().expect(200, "hello")
}

func TestHalfClosedClientOfALimitedProcessGetsItsAnswer(t *testing.T) {
	for name, begin := range map[string]string{"before the answer": "", "inside it": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"} {
		t.Run(name, func(t *testing.T) {
			began, end := make(chan struct{}), make(chan struct{})
			d := &desk{long: func(c *appConn) {
				c.send("%s", begin)
				close(began)
				until(t, end)
				if begin == "" {
					c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
				}
				c.send("world")
			}}
			f := newFront(t, d.serve, oneInPeace).free()
			c := f.dial()
			c.send(getLong).half()
			<-began
			f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
			close(end)
			c.expect(200, "helloworld")
			c.expectEnd()
		})
	}
}
