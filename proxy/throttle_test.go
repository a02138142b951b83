package proxy

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/proxy/spool"
)

// What is sent at a rate takes its time, whole, and holds no process meanwhile.
func TestAnswerIsSentAtTheRateThatTheAppSets(t *testing.T) {
	const rate, size = 100_000, 40_000
	content := strings.Repeat("0123456789", size/10)
	f, _ := newSender(t, naming("200 OK", content), one, "x.txt", content)
	for _, say := range []string{"X-Accel-Limit-Rate: 100000|X-Accel-Redirect: /protected/x.txt", "X-Accel-Limit-Rate: 100000"} {
		slow, began := f.dial(), time.Now()
		slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: %s\r\n\r\n", say)
		if _, err := slow.Peek(1); err != nil {
			t.Fatal(err)
		}
		f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Other: 1\r\n\r\n").expect(200, content)
		res, body := slow.answer("GET")
		if body != content || res.ContentLength != size {
			t.Errorf("%s: got %d bytes of %d", say, len(body), res.ContentLength)
		}
		if took, least := time.Since(began), time.Second*(size-rate/piecesPerSecond)/rate; took < least {
			t.Errorf("%s: it took %v, want at least %v", say, took, least)
		}
		slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Other: 1\r\n\r\n").expect(200, content) // its connection goes on, without a rate
	}
	if res, body := f.dial().fetch("HEAD", "/", "X-Say: X-Accel-Limit-Rate: 1"); res.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %d %q", res.StatusCode, body)
	}
	f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Accel-Limit-Rate: fast\r\n\r\n").expect(200, content)
	f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Accel-Limit-Rate: 0\r\n\r\n").expect(200, content)
}

// Who has all of it may leave at once: the answer is whole, and nobody has ended it early.
func TestAnswerThatHasARateEndsWithItsLastByte(t *testing.T) {
	f, log := newLogged(t, "{status} {phase} {ended_by}", answering(withLength("X-Accel-Limit-Rate: 100", strings.Repeat("x", 50))), nil)
	c := f.dial().send(get)
	if _, body := c.answer("GET"); len(body) != 50 {
		t.Errorf("got %d bytes", len(body))
	}
	_ = c.Close()
	if line := log.next(); line != "200 done app" {
		t.Errorf("%q, want \"200 done app\"", line)
	}
}

// Nothing waits for the next piece on behalf of who has left.
func TestClientThatLeavesEndsAnAnswerThatHasARate(t *testing.T) {
	f, _ := newSender(t, naming("200 OK", ""), nil, "x.txt", strings.Repeat("x", 1000))
	c := f.dial()
	c.send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Accel-Limit-Rate: 1|X-Accel-Redirect: /protected/x.txt\r\n\r\n")
	if _, err := c.Peek(1); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	f.await("the answer ends", func() bool { return f.server.underWay.Load() == 0 })
}

func TestStreamOfHTTP2HasARateToo(t *testing.T) {
	content := strings.Repeat("0123456789", 4000)
	f := newFront2(t, answering("HTTP/1.1 200 OK\r\nX-Accel-Limit-Rate: 100000\r\nContent-Length: 40000\r\n\r\n"+content), nil)
	began := time.Now()
	res, body, err := f.fetch2(f.client2(), "GET", "/", nil)
	if err != nil || body != content || res.ContentLength != 40000 {
		t.Fatalf("got %d bytes, %v", len(body), err)
	}
	if took, least := time.Since(began), time.Second*(40_000-100_000/piecesPerSecond)/100_000; took < least {
		t.Errorf("it took %v, want at least %v", took, least)
	}
}

// It is the answer for which there is no room, and neither its client nor its app is to blame.
func TestAnswerWithARateThatHasNoRoomIsRefusedAndSaysSo(t *testing.T) {
	body := strings.Repeat("x", 4<<20)
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nX-Accel-Limit-Rate: 1000\r\nConnection: close\r\n\r\n"+body), func(s *conf.Server, _ *conf.App) {
		s.SpoolLimit, s.BufferMemory = conf.Share{Bytes: 1 << 20}, conf.Share{Bytes: 1 << 20}
	})
	res, page := f.dial().fetch("GET", "/")
	if res.StatusCode != 503 || res.Header.Get("Purser-Error") != "spool_full" || !strings.Contains(page, "no room for the app") {
		t.Errorf("got %d %v %s", res.StatusCode, res.Header, page)
	}
	if said := notKept(spool.ErrTooLarge).Error(); strings.Contains(said, "HTTP/1.0") || failureOf(notKept(spool.ErrTooLarge)).status != 503 {
		t.Errorf("of one that is larger than the spool: %s", said)
	}
}
