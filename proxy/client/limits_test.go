package client

import (
	"math"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"purser/proxy/spool"
)

func TestClientHasToMoveAndToKeepARate(t *testing.T) {
	const start = int64(time.Hour)
	at := func(s float64) int64 { return start + int64(s*float64(time.Second)) }
	for _, c := range []struct {
		name  string
		pace  Pace
		now   float64 // seconds after the beginning
		moved int64
		end   float64
	}{
		{"at the beginning", Pace{30 * time.Second, 500}, 0, 0, 30},
		{"a byte puts the end off", Pace{30 * time.Second, 500}, 20, 5000, 40},
		{"but not for ever", Pace{30 * time.Second, 500}, 29, 29, 30.058},
		{"what was fast may be slow for some time", Pace{30 * time.Second, 500}, 25, 5000, 40},
		{"and then it is over", Pace{time.Hour, 500}, 25, 5000, 40},
		{"any rate", Pace{30 * time.Second, 0}, 3600, 1, 3630},
		{"a rate of one", Pace{time.Hour, 1}, 0, 7, 37},
	} {
		if got := c.pace.end(at(c.now), start, c.moved); got != at(c.end) {
			t.Errorf("%s: it ends after %v, want %v", c.name, time.Duration(got-start), c.end)
		}
	}
	if end := (Pace{time.Second, 1 << 30}).end(start, start, math.MaxInt64); end != at(1) {
		t.Error("a very large body overflows")
	}
}

func TestLastRequestThatAConnectionCarriesSaysSo(t *testing.T) {
	h := openWith(t, "tcp", "127.0.0.1:0", telling, func(c *Config) { c.Limits.Requests = 3 })
	c := h.dial()
	c.send("%s", getting("/1")+getting("/2")).expect(200, "/1")
	c.expect(200, "/2")
	if res := c.send("%s", getting("/3")).expect(200, "/3"); !res.Close {
		t.Error("the last answer does not say that it is the last")
	}
	c.expectEnd()
}

func TestLastRequestsOfHTTP2AreAnsweredBeforeTheConnectionEnds(t *testing.T) {
	h := openWith(t, "tcp", "127.0.0.1:0", telling2, func(c *Config) { c.Limits.Requests = 2 })
	p := h.dial2()
	p.ask(1, true, plainGet...).expect(1, 200, "/")
	if len(p.away) > 0 {
		t.Fatalf("it ends after the first: %s", p)
	}
	p.ask(3, true, plainGet...).expect(3, 200, "/")
	p.expectAway(http2.ErrCodeNo)
}

// The limits of a wait are those that there were when it began: the next one has its own.
func TestLimitsHoldForConnectionsThatAreThere(t *testing.T) {
	h := open(t, telling)
	c := h.dial()
	c.send("%s", getting("/")).expect(200, "/")
	h.await(idle, 1)
	long := h.conns.Sweeper.Clock.In(time.Minute)
	h.until("it may be idle for long", func() bool { return soonest(h) > long })
	h.conns.SetLimits(Limits{Head: time.Second, KeepAlive: time.Second, Body: usual.Body, Send: usual.Send})
	c.send("%s", getting("/")).expect(200, "/")
	h.until("it may not any more", func() bool { return soonest(h) < long })
}

// soonest is when the first wait ends.
func soonest(h *harness) int64 {
	first := int64(math.MaxInt64)
	for _, at := range h.conns.Sweeper.Deadlines() {
		first = min(first, at)
	}
	return first
}

// TakeBody ends by the pace of bodies, and not by that of answers, whatever carries it.
func TestBodiesHaveTheirOwnPace(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		slow := make(chan error, 1)
		h := openWith(t, "tcp", "127.0.0.1:0", func(c Call, _ error) {
			var body spool.Body
			body.Init(spoolOf(c))
			defer body.Reset()
			_, err := c.TakeBody(&body, 0)
			slow <- err
			give(c, 408, "")
		}, func(c *Config) {
			c.Limits.Body, c.Limits.Send = Pace{Silence: time.Minute}, Pace{Silence: 24 * time.Hour}
		})
		if protocol == "HTTP/2" {
			p := h.dial2()
			p.ask(1, false, post("content-length", "10")...)
		} else {
			h.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
		}
		h.await(taking, 1)
		h.patient("the body is given up", func() bool { return len(slow) == 1 })
		if err := <-slow; err != ErrBodySlow {
			t.Errorf("%s: %v, want that the body came too slowly", protocol, err)
		}
	}
}
