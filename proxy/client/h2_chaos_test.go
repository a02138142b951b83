package client

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

// anything answers in one of many ways.
func anything() answer {
	return func(c Call, bad error) {
		if bad != nil {
			give(c, 400, bad.Error())
			return
		}
		var body spool.Body
		body.Init(spoolOf(c))
		defer body.Reset()
		if c.Request().Length != 0 && rand.N(4) > 0 {
			if _, err := c.TakeBody(&body, int64(rand.N(200_000))); err != nil {
				give(c, 413, "")
				return
			}
		}
		switch rand.N(6) {
		case 0:
			return // no answer
		case 1:
			c.Begin(&wire.ResponseHead{Status: 200}, -1)
			c.Write(make([]byte, rand.N(1000)))
			_ = c.Flush()
			c.Cut()
		case 2:
			c.LongLived(spool.StreamMost)
			fallthrough
		default:
			c.Begin(&wire.ResponseHead{Status: 200}, -1)
			for range rand.N(5) {
				c.Write(make([]byte, rand.N(100_000)))
				if c.Flush() != nil {
					c.Cut()
					return
				}
			}
			if c.End([]wire.Field{{Name: []byte("X-Sum"), Value: []byte("1")}}) != nil {
				c.Cut()
			}
		}
	}
}

// visit is a client that does many things, not all of them proper.
func (p *peer2) visit(r *rand.Rand) {
	var reading sync.WaitGroup
	reading.Go(func() {
		for n := 0; p.read() && n < 2000; n++ {
		}
	})
	defer reading.Wait()
	defer p.Close()
	for id := uint32(1); id < 80; id += 2 {
		_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(post()...), EndHeaders: true, EndStream: r.IntN(2) == 0})
		for range r.IntN(4) {
			_ = p.WriteData(id, r.IntN(3) == 0, make([]byte, r.IntN(9000)))
		}
		switch r.IntN(8) {
		case 0:
			_ = p.WriteRSTStream(id, http2.ErrCodeCancel)
		case 1:
			_ = p.WriteWindowUpdate(0, uint32(1+r.IntN(1_000_000)))
		case 2:
			_ = p.WriteWindowUpdate(id, uint32(1+r.IntN(1_000_000)))
		case 3:
			_ = p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(r.IntN(100_000))})
		case 4:
			if r.IntN(20) == 0 {
				return
			}
		}
	}
}

func TestWhateverClientsDoNothingIsLeftOfThem(t *testing.T) {

	h := open(t, anything())
	for round := range 8 {
		var all sync.WaitGroup
		for i := range 20 {
			p := h.dial2()
			all.Go(func() { p.visit(rand.New(rand.NewPCG(uint64(round), uint64(i)))) })
		}
		all.Wait()
		h.patient("all connections end", func() bool { return h.count() == 0 })
	}
	if n := h.conns.Faults(); n > 0 {
		t.Errorf("%d faults: %s", n, h.log)
	}
	if held, _ := h.conns.Spool.Use(); held > 0 {
		t.Errorf("%d bytes are left in the spool", held)
	}
}

func TestStopAmongManyRequestsLosesNone(t *testing.T) {
	for range 10 {
		h := open(t, func(c Call, _ error) { give(c, 200, fmt.Sprint(rand.N(1000))) })
		p := h.dial2()
		begun := make(chan bool)
		go func() {
			<-begun
			h.conns.Stop()
		}()
		answered := uint32(0)
		for id := uint32(1); id < 4000; id += 2 {
			if id == 101 {
				close(begun)
			}
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(plainGet...), EndHeaders: true, EndStream: true})
			g := p.stream(id)
			for !g.ended && !g.cut && p.read() {
			}
			if !g.ended {
				break
			}
			answered = id
		}
		n := len(p.away)
		if n == 0 || p.away[n-1].LastStreamID > answered {
			t.Fatalf("got %v; the last answer was to %d", p.away, answered)
		}
		_ = p.Close()
	}
}
