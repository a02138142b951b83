package client

import (
	"io"
	"net"
	"strings"
	"testing"

	"purser/proxy/wire"
)

func TestRequestsThatAreSentAheadAreAnsweredInOrder(t *testing.T) {
	h := open(t, telling)
	const post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	const chunked = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\n\r\n"
	g := h.dial().send("%s", getting("/a")+post+chunked+getting("/d"))
	g.expect(200, "/a")
	g.expect(200, "/b abc")
	g.expect(200, "/c def")
	g.expect(200, "/d")

	all := getting("/a") + post + chunked + getting("/d")
	slow := h.dial() // the pieces end anywhere
	for i := range all {
		slow.send("%s", all[i:i+1])
	}
	for _, want := range []string{"/a", "/b abc", "/c def", "/d"} {
		slow.expect(200, want)
	}
}

func TestConnectionGoesOnOnlyIfBothSidesWantItTo(t *testing.T) {
	for _, c := range []struct {
		name, head string
		goesOn     bool
		says       string // Connection
	}{
		{"HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n", true, ""},
		{"HTTP/1.1, close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false, "close"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n", false, "close"},
		{"HTTP/1.0, keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n", true, "keep-alive"},
		{"the last, for us", "GET /last HTTP/1.1\r\nHost: a\r\n", false, "close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, func(c Call, _ error) {
				if string(c.Request().Path) == "/last" {
					c.Last()
				}
				give(c, 200, "ok")
			})
			g := h.dial()
			g.send("%s\r\n", c.head)
			res := g.expect(200, "ok")
			if said := res.Header.Get("Connection"); said != c.says && !(said == "" && res.Close && c.says == "close") {
				t.Errorf("the answer says %q, want %q", said, c.says)
			}
			if c.goesOn {
				h.await(idle, 1)
				g.send("%s", getting("/")).expect(200, "ok")
			} else {
				g.expectEnd()
			}
		})
	}
}

func TestEmptyLinesBeforeARequestAreSkipped(t *testing.T) {
	h := open(t, telling)
	h.dial().send("\r\n\r\n%s", getting("/a")).expect(200, "/a")
	h.dial().send("\r\n\r\n\r\n\r\n\r\n%s", getting("/a")).expect(400, errBlankLines.Error())
	h.dial().send("\x16\x03\x01").expect(400, errFirstByte.Error()) // TLS
}

func TestHeadMustComeInTimeHoweverItTrickles(t *testing.T) {
	h := open(t, telling)
	g := h.dial().send("GET / HT")
	h.await(reading, 1)
	deadlines := h.conns.Sweeper.Deadlines()
	g.send("TP/1.1\r\nHost: a\r\nX: ")
	h.until("that was read", func() (read bool) {
		h.conns.each(func(c *conn) { read = c.sock.Quiet() })
		return read
	})
	if now := h.conns.Sweeper.Deadlines(); len(now) != 1 || now[0] != deadlines[0] {
		t.Errorf("the deadline was %v and is %v: a few bytes pushed it away", deadlines, now)
	}
	h.later()
	g.expect(400, errHeadSlow.Error())
	g.expectEnd()
}

func TestConnectionThatIsIdleTooLongEndsWithoutAWord(t *testing.T) {
	h := open(t, telling)
	fresh, used, blank := h.dial(), h.dial(), h.dial()
	used.send("%s", getting("/a")).expect(200, "/a")
	h.await(idle, 1)
	h.await(expecting, 2)
	blank.send("\r\n")
	h.await(reading, 1)
	h.later()
	fresh.expectEnd()
	used.expectEnd()
	blank.expectEnd()
}

func TestHeadThatIsCutIsToldToNobodyButTheHandler(t *testing.T) {
	told := make(chan error, 1)
	h := open(t, func(_ Call, bad error) { told <- bad })
	g := h.dial().send("GET / HTTP/1.1\r\n")
	_ = g.Conn.(*net.TCPConn).CloseWrite()
	if bad := <-told; bad != ErrHeadCut {
		t.Errorf("got %v, want %v", bad, ErrHeadCut)
	}
	g.expectEnd()
}

func TestConnectionEndsWithAClientThatHasSentItsLast(t *testing.T) {
	h := open(t, telling)
	first := h.dial().send("%s", getting("/a"))
	_ = first.Conn.(*net.TCPConn).CloseWrite()
	first.expect(200, "/a")
	first.expectEnd()

	at, goOn := make(chan struct{}), make(chan struct{})
	h = open(t, func(c Call, bad error) {
		if string(c.Request().Path) == "/slow" {
			at <- struct{}{}
			<-goOn
		}
		telling(c, bad)
	})
	later := h.dial().send("%s", getting("/a"))
	later.expect(200, "/a")
	later.send("%s", getting("/slow"))
	<-at
	_ = later.Conn.(*net.TCPConn).CloseWrite()
	goOn <- struct{}{}
	later.expect(200, "/slow")
	later.expectEnd()
}

// A client that sends all before it reads gets the refusal, however much it sends.
func TestRefusalReachesAClientThatGoesOnSending(t *testing.T) {
	h := open(t, func(c Call, _ error) { give(c, 413, "too large") })
	g := h.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n")
	piece := strings.Repeat("x", 1_000_000)
	for range 30 {
		g.send("%s", piece)
	}
	g.expect(413, "too large")
	g.expectEnd()
	_ = g.Conn.Close()
	h.until("it has gone", func() bool { return h.conns.lingering.Load() == 0 })
}

func TestLingeringEndsWhenNothingComes(t *testing.T) {
	h := open(t, func(c Call, _ error) { give(c, 413, "too large") })
	g := h.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
	g.expect(413, "too large")
	h.await(lingering, 1)
	g.expectEnd() // it may go on sending
	h.until("it has gone", func() bool {
		h.later() // the deadline may not be armed yet
		return h.conns.lingering.Load() == 0
	})
}

func TestRefusedUpgradeReachesAClientThatSpeaksOn(t *testing.T) {
	h := open(t, func(c Call, _ error) { give(c, 403, "no") })
	g := h.dial().send("%s", getting("/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")+"what follows is no request")
	if res := g.expect(403, "no"); !res.Close {
		t.Error("what follows the handshake would be taken for a request")
	}
	h.await(lingering, 1) // or what it goes on to send would reset the answer
	g.expectEnd()
}

func TestFaultEndsItsConnectionOnly(t *testing.T) {
	h := open(t, func(c Call, _ error) {
		if string(c.Request().Path) == "/fault" {
			panic("a fault")
		}
		give(c, 200, "ok")
	})
	well := h.dial().send("%s", getting("/"))
	well.expect(200, "ok")
	h.dial().send("%s", getting("/fault")).expectCut()
	well.send("%s", getting("/")).expect(200, "ok")
	if n := h.conns.Faults(); n != 1 || !strings.Contains(h.log.String(), "a fault") {
		t.Errorf("%d faults are counted, and the log says %q", n, h.log.String())
	}
}

func TestAnswerThatIsCutIsReset(t *testing.T) {
	for name, head := range map[string]string{"HTTP/1.1": getting("/"), "HTTP/1.0": "GET / HTTP/1.0\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			h := open(t, func(c Call, _ error) {
				c.Begin(&wire.ResponseHead{Status: 200}, -1)
				c.Write([]byte("half"))
				_ = c.Flush()
				c.Cut()
			})
			h.dial().send("%s", head).expectCut()
		})
	}
}

func TestOnlyHTTP10OnAUnixSocketCanTellNoCut(t *testing.T) {
	needs := func(c Call, _ error) {
		if c.NeedsLength() {
			give(c, 200, "needs")
		} else {
			give(c, 200, "no")
		}
	}
	tcp, unix := open(t, needs), openUnix(t, needs)
	const old = "GET / HTTP/1.0\r\n\r\n"
	tcp.dial().send("%s", getting("/")).expect(200, "no")
	tcp.dial().send(old).expect(200, "no")
	unix.dial().send("%s", getting("/")).expect(200, "no")
	unix.dial().send(old).expect(200, "needs")
}

func TestTunnelBeginsWithWhatWasSentBefore(t *testing.T) {
	h := open(t, func(c Call, _ error) {
		tunnel, early, err := c.Tunnel(&wire.ResponseHead{Status: 101, Reason: []byte("Switching Protocols")}, []byte("first "))
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := tunnel.WriteSome(append([]byte("heard "), early...)); err != nil {
			t.Error(err)
		}
		tunnel.CloseWrite()
	})
	g := h.dial().send("%s", getting("/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")+"early")
	all, err := io.ReadAll(g)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 101 ") || !strings.HasSuffix(string(all), "\r\n\r\nfirst heard early") {
		t.Errorf("got %q, %v", all, err)
	}
}
