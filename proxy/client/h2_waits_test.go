package client

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

func TestBodyThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, false, post()...).send(p.WriteData(1, false, []byte("ab")))
	h.await(taking, 1)
	answered := make(chan bool)
	go func() {
		defer close(answered)
		p.expect(1, 400, ErrBodySlow.Error())
	}()
	h.patient("it is refused", func() bool {
		select {
		case <-answered:
			return true
		default:
			return false
		}
	})
}

func TestAnswerThatIsNotTakenIsResetAndTheOthersGoOn(t *testing.T) {
	errs := make(chan error, 1)
	h := open(t, func(c Call, bad error) {
		if string(c.Request().Path) != "/large" {
			telling2(c, bad)
			return
		}
		c.Begin(&wire.ResponseHead{Status: 200}, -1)
		c.Write(make([]byte, 100))
		_ = c.Flush()
		c.Write(make([]byte, 100))
		err := c.End(nil)
		if err != nil {
			c.Cut()
		}
		errs <- err
	})
	p := h.dial2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	p.ask(1, true, ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/large")
	p.until("what the window has room for has come", func() bool { return len(p.stream(1).body) == 10 })
	var err error
	h.patient("it is given up", func() bool {
		select {
		case err = <-errs:
			return true
		default:
			return false
		}
	})
	if !sock.TimedOut(err) {
		t.Errorf("got %v, want it to be late", err)
	}
	p.expectReset(1, http2.ErrCodeInternal)
	p.ask(3, true, plainGet...).expect(3, 200, "/")
}

func TestWindowsLetContentThroughBitByBit(t *testing.T) {
	const size = 300
	h := open(t, func(c Call, _ error) { give(c, 200, strings.Repeat("x", size)) })
	p := h.dial2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	p.ask(1, true, plainGet...)
	p.until("the head comes without a window", func() bool { return p.stream(1).status == "200" })
	for n := 0; n < size; n += 100 {
		p.send(p.WriteWindowUpdate(1, 100))
		p.until("as much as the window", func() bool { return len(p.stream(1).body) == n+100 })
	}
	p.expect(1, 200, strings.Repeat("x", size))
	p.ask(3, true, plainGet...).send(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000}))
	p.expect(3, 200, strings.Repeat("x", size))
}

func TestIdleConnectionOfHTTP2EndsInOrder(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.ask(1, true, plainGet...).expect(1, 200, "/")
	ended := make(chan bool)
	go func() {
		defer close(ended)
		p.expectAway(http2.ErrCodeNo)
		_ = p.Close()
	}()
	h.patient("it ends", func() bool { return h.count() == 0 })
	<-ended
}

func TestHeaderBlockThatDoesNotComeToItsEndEndsTheConnection(t *testing.T) {
	h := open(t, telling2)
	p := h.dial2()
	p.send(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(plainGet...)}))
	h.await(reading, 1)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		p.expectAway(http2.ErrCodeEnhanceYourCalm)
		_ = p.Close()
	}()
	h.patient("it ends", func() bool { return h.count() == 0 })
	<-ended
}

func TestManyStreamsShareASmallWindow(t *testing.T) {
	const streams, size = 30, 20_000
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 200}, -1)
		for range size / 1000 { // some through an outbox, some not
			c.Write(make([]byte, 1000))
			if rand.N(3) == 0 {
				_ = c.Flush()
			}
		}
		if c.End(nil) != nil {
			c.Cut()
		}
	})
	p := h.dial2()
	for i := range uint32(streams) {
		p.ask(2*i+1, true, plainGet...)
	}
	p.send(p.WriteRSTStream(1, http2.ErrCodeCancel)).send(p.WriteRSTStream(3, http2.ErrCodeCancel)) // in their turn, perhaps
	got := func() (n int) {
		for _, g := range p.got {
			n += len(g.body)
		}
		return n
	}
	credit := defaultWindow
	for i := uint32(2); i < streams; i++ {
		for g := p.stream(2*i + 1); !g.ended; {
			if got() == credit {
				more := 1 + rand.N(5000)
				p.send(p.WriteWindowUpdate(0, uint32(more)))
				credit += more
			}
			if !p.read() {
				t.Fatalf("the connection ended: %v", p.away)
			}
		}
		if n := len(p.stream(2*i + 1).body); n != size {
			t.Errorf("stream %d: got %d bytes", 2*i+1, n)
		}
	}
}

// Each record of TLS is a system call, and mostly a packet: none goes out for the head of a frame.
func TestContentAndTheHeadsOfItsFramesFillRecordsOfTLS(t *testing.T) {
	const records = 3
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 200}, -1)
		c.Write([]byte("the head is on its way"))
		_ = c.Flush()
		c.Write(make([]byte, records*(sock.Record-frameHeader)))
		_ = c.End(nil)
	})
	p := h.dial2()
	p.ask(1, true, plainGet...)
	p.until("the answer is here", func() bool { return p.stream(1).ended })
	for i, n := range p.stream(1).pieces[1:] {
		if i < records && n+frameHeader != sock.Record {
			t.Errorf("frame %d and its head have %d bytes, want a record of %d", i, n+frameHeader, sock.Record)
		}
	}
}
