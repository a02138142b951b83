package client

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// held answers once the test lets it.
func held(begun chan<- string, release <-chan struct{}) answer {
	return func(c Call, bad error) {
		begun <- string(c.Request().Path)
		<-release
		telling2(c, bad)
	}
}

func TestStopWarnsFirstAndThenSaysWhichStreamWasTheLast(t *testing.T) {
	begun, release := make(chan string, 10), make(chan struct{})
	h := open(t, held(begun, release))
	p := h.dial2()
	p.ask(1, true, plainGet...)
	<-begun
	h.conns.Stop()
	var ping *http2.PingFrame
	for ping == nil || len(p.away) == 0 { // the answer to the PING is held back
		f, err := p.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			p.away = append(p.away, *f)
		case *http2.PingFrame:
			copied := *f
			ping = &copied
		}
	}
	if first := p.away[0]; first.LastStreamID != mostWindow || first.ErrCode != http2.ErrCodeNo {
		t.Errorf("got %+v, want a warning", first)
	}
	p.ask(3, true, plainGet...) // it was on its way
	<-begun
	p.send(p.WritePing(true, ping.Data))
	p.until("it is told which was the last", func() bool { return len(p.away) == 2 })
	if last := p.away[1].LastStreamID; last != 3 {
		t.Errorf("got %d, want 3", last)
	}
	p.ask(5, true, plainGet...) // is the client's to send again
	waited := make(chan error, 1)
	go func() { waited <- h.conns.Await(t.Context()) }()
	close(release)
	p.expect(1, 200, "/")
	p.expect(3, 200, "/")
	for p.read() {
	}
	if g := p.stream(5); g.status != "" || len(begun) > 0 {
		t.Errorf("the late one: got %+v", g)
	}
	_ = p.Close()
	if err := <-waited; err != nil {
		t.Errorf("the stop: %v", err)
	}
}

func TestClientThatDoesNotAnswerTheWarningIsNotWaitedFor(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, true, plainGet...).expect(1, 200, "/")
	h.conns.Stop()
	h.patient("it is told", func() bool {
		_ = p.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		f, err := p.ReadFrame()
		if away, ok := f.(*http2.GoAwayFrame); err == nil && ok {
			p.away = append(p.away, *away)
		}
		return len(p.away) == 2
	})
	if last := p.away[1].LastStreamID; last != 1 {
		t.Errorf("got %d, want 1", last)
	}
}

func TestLongLivedStreamDoesNotHoldAStop(t *testing.T) {
	begun := make(chan bool)
	h := open(t, func(c Call, _ error) {
		c.LongLived(spool.StreamMost)
		c.Begin(&wire.ResponseHead{Status: 200}, -1)
		_ = c.Flush()
		ctx, end := c.Present() // as who works for it is told
		defer end()
		begun <- true
		<-ctx.Done()
		c.Cut()
	})
	p := h.dial2()
	p.ask(1, true, plainGet...)
	<-begun
	h.await(longLived, 1)
	h.conns.Stop()
	if err := h.conns.Await(t.Context()); err != nil {
		t.Error(err)
	}
	h.conns.Close()
	p.expectAway(http2.ErrCodeNo)
}

func TestPhasesOfAConnectionAreThoseOfItsStreams(t *testing.T) {
	begun, release := make(chan string, 10), make(chan struct{})
	h := open(t, held(begun, release))
	p := h.raw2("")
	h.await(expecting, 1)
	_, _ = p.Conn.Write([]byte(http2.ClientPreface))
	h.await(reading, 1)
	p.send(p.WriteSettings())
	h.await(idle, 1)
	p.ask(1, true, plainGet...)
	<-begun
	h.await(serving, 1)
	if h.conns.Shed() {
		t.Error("a request made room")
	}
	close(release)
	p.expect(1, 200, "/")
	h.await(idle, 1)
	part := p.encode(plainGet...)
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: part[:3], EndStream: true}))
	h.await(reading, 1)
	p.send(p.WriteContinuation(3, true, part[3:]))
	<-begun
	p.until("it is answered, too", func() bool { return p.stream(3).ended || p.stream(3).cut })
	h.await(idle, 1)
	if !h.conns.Shed() {
		t.Error("an idle connection makes no room")
	}
	p.expectAway(http2.ErrCodeNo)
}

func TestFaultEndsItsStreamOnly(t *testing.T) {
	h := open(t, func(c Call, bad error) {
		if c.Request().IsHead() {
			panic("a fault")
		}
		telling2(c, bad)
	})
	p := h.dial2()
	p.ask(1, true, ":method", "HEAD", ":scheme", "http", ":authority", "a", ":path", "/").expectReset(1, http2.ErrCodeInternal)
	p.ask(3, true, plainGet...).expect(3, 200, "/")
	if h.conns.Faults() != 1 {
		t.Errorf("got %d faults", h.conns.Faults())
	}
}

// A process that takes one request at a time must end its answer, whoever has left.
func TestResetStreamIsGoneOnlyForWhoLooks(t *testing.T) {
	for name, looks := range map[string]bool{"somebody looks": true, "nobody looks": false} {
		t.Run(name, func(t *testing.T) {
			left, seen := make(chan bool), make(chan bool, 1)
			h := open(t, func(c Call, _ error) {
				own, other := net.Pipe()
				defer own.Close()
				defer other.Close()
				c.WakeOnGone(nil, looks)
				<-left
				seen <- c.Gone()
			})
			p := h.dial2()
			p.ask(1, true, plainGet...).send(p.WriteRSTStream(1, http2.ErrCodeCancel))
			before := p.pings
			p.send(p.WritePing(false, [8]byte{}))
			p.until("the reset was read", func() bool { return p.pings > before })
			close(left)
			if <-seen != looks {
				t.Errorf("want gone: %v", looks)
			}
		})
	}
}

func TestPresentEndsWithTheStreamAndWithItsConnection(t *testing.T) {
	for name, leave := range map[string]func(*peer2){
		"reset":                     func(p *peer2) { _ = p.WriteRSTStream(1, http2.ErrCodeCancel) },
		"the end of the connection": func(p *peer2) { _ = p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			begun, cause := make(chan bool), make(chan error, 1)
			h := open(t, func(c Call, _ error) {
				ctx, end := c.Present()
				defer end()
				begun <- true
				<-ctx.Done()
				cause <- context.Cause(ctx)
			})
			p := h.dial2()
			p.ask(1, true, plainGet...)
			<-begun
			leave(p)
			if err := <-cause; !errors.Is(err, ErrGone) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConnectionThatRestsGivesItsMemoryBack(t *testing.T) {
	var running atomic.Int64
	h := open(t, func(c Call, bad error) {
		running.Add(1)
		defer running.Add(-1)
		telling2(c, bad)
	})
	p := h.dial2()
	for id := uint32(1); id < 20; id += 2 {
		p.ask(id, true, plainGet...)
	}
	for id := uint32(1); id < 20; id += 2 {
		p.expect(id, 200, "/")
	}
	h.await(idle, 1)
	h.later()
	p.send(p.WritePing(false, [8]byte{}))
	p.until("it goes on", func() bool { return p.pings > 0 })
	p.ask(21, true, plainGet...).expect(21, 200, "/")
}

// A client ends its connection, with all of its streams, if content comes on a stream that has no head.
func TestAnswerThatIsCutBeforeAnyOfItWentOutHasItsHead(t *testing.T) {
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 200}, -1)
		c.Write([]byte("half"))
		c.Cut()
	})
	p := h.dial2().ask(1, true, plainGet...)
	p.expectReset(1, http2.ErrCodeInternal)
	if g := p.stream(1); g.status != "200" || g.body != "half" {
		t.Errorf("got %+v, want the head and half", *g)
	}
}

func TestTLSMayHaveAgreedOnHTTP2(t *testing.T) {
	h := open(t, telling2)
	theirs, ours := tcpPair(t)
	s, err := sock.New(ours, h.conns.Sweeper)
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{set: h.conns, sock: s, peer: Peer{TLS: &sock.Security{Protocol: http2.NextProtoTLS}}}
	h.conns.enter(c)
	h.conns.wg.Add(1)
	go c.serve()
	p := &peer2{Framer: http2.NewFramer(theirs, theirs), Conn: theirs, t: t, got: make(map[uint32]*got2)}
	_, _ = theirs.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	p.expectAway(http2.ErrCodeProtocol)
	_ = theirs.Close()
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestConnectionThatEndsInMidFrameGivesItsMemoryBack(t *testing.T) {
	r := &h2Reader{}
	r.block.init()
	r.input().take([]byte("PRI * HTTP"))
	r.giveBack()
	if r.in == nil {
		t.Fatal("what has come was given away")
	}
	if r.end(); r.in != nil {
		t.Error("it keeps the memory")
	}
	r.end()
}
