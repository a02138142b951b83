package client

import (
	"net"
	"testing"

	"purser/proxy/sock"
)

// Who is idle when a server retires has time for one more request; who sends none is closed in the end.
func TestRetirementClosesWhatStaysIdle(t *testing.T) {
	h := open(t, telling)
	fresh, used, asks := h.dial(), h.dial().send("%s", getting("/used")), h.dial()
	used.expect(200, "/used")
	h.await(expecting, 2)
	h.await(idle, 1)
	h.conns.Retire()
	asks.send("%s", getting("/last"))
	if res := asks.expect(200, "/last"); !res.Close {
		t.Error("the answer does not say that it is the last")
	}
	asks.expectEnd()
	h.until("those who are idle have a shorter time", func() bool {
		short, latest := 0, h.conns.Sweeper.Clock.In(retiredIdle)
		for _, at := range h.conns.Sweeper.Deadlines() {
			if at > 0 && at <= latest {
				short++
			}
		}
		return short == 2
	})
	h.later()
	fresh.expectEnd()
	used.expectEnd()
	if err := h.conns.AwaitNone(t.Context()); err != nil {
		t.Error(err)
	}
}

// There is time: a head that comes slowly has all of it.
func TestRetirementDoesNotHurryHeads(t *testing.T) {
	h := open(t, telling)
	half := h.dial().send("GET /half HTTP/1.1\r\n")
	h.await(reading, 1)
	h.conns.Retire()
	later := h.dial().send("GET /later HTTP/1.1\r\n") // was accepted before the listener was closed
	h.await(reading, 2)
	h.conns.Sweeper.Sweep(h.conns.Sweeper.Clock.In(2 * stoppedHead))
	for path, g := range map[string]*visitor{"/half": half, "/later": later} {
		if res := g.send("Host: a\r\n\r\n").expect(200, path); !res.Close {
			t.Error("the answer does not say that it is the last")
		}
		g.expectEnd()
	}
}

// A request that comes in the moment in which its connection was to be closed is served.
func TestRequestThatComesAsItsConnectionIsToEndIsServed(t *testing.T) {
	h := open(t, telling)
	h.conns.Retire()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sock.New(server, h.conns.Sweeper)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &conn{set: h.conns, sock: s}
	if _, err := client.Write([]byte(getting("/late"))); err != nil {
		t.Fatal(err)
	}
	h.until("it is there", s.HasBytes)
	c.drop()
	if !c.awaitCalls() || !c.last {
		t.Error("it was not served")
	}
}

// An answer that has said that the connection goes on is kept to, although the server retires before its end: the next
// request may be on its way.
func TestWhatAnAnswerHasSaidStandsWhenItsServerRetires(t *testing.T) {
	said, ended := make(chan struct{}), make(chan struct{})
	h := open(t, func(c Call, bad error) {
		telling(c, bad)
		if string(c.Request().Path) == "/first" { // its head is out, and its connection has not gone on yet
			close(said)
			<-ended
		}
	})
	client := h.dial().send("%s", getting("/first"))
	if res := client.expect(200, "/first"); res.Close {
		t.Error("the answer says that it is the last")
	}
	<-said
	h.conns.Retire()
	close(ended)
	if res := client.send("%s", getting("/second")).expect(200, "/second"); !res.Close {
		t.Error("the second does not say that it is the last")
	}
	client.expectEnd()
}
