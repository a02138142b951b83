package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

func TestFailureCountsAgainstTheAppOnlyIfItIsTheApps(t *testing.T) {
	for want, errs := range map[pool.Outcome][]error{
		pool.Unclear: {upstream.ErrGone, upstream.ErrRefused, upstream.ErrUnsent, upstream.ErrNoLink, upstream.ErrBacklog,
			client.ErrGone, spool.ErrFull, spool.ErrUnread, &spool.Error{}, errNotMeasured, errNotKept},
		pool.Erred: {upstream.ErrNoAnswer, upstream.ErrUnread, upstream.ErrShortHead, upstream.ErrShortAnswer, upstream.ErrSlow,
			upstream.ErrStalled, upstream.ErrNotHTTP, upstream.ErrHeadTooBig, upstream.ErrManyEarly, upstream.ErrUpgrade,
			errSendfile, &wire.Error{Side: wire.ByApp}},
	} {
		for _, err := range errs {
			if got := outcomeOf(fmt.Errorf("here: %w", err)); got != want {
				t.Errorf("%v: %v, want %v", err, got, want)
			}
		}
	}
}

// A stranger is what a client can do without the app's having done anything wrong.
type stranger func(f *front)

// says sends a request and takes the answer.
func says(format string, args ...any) stranger {
	return func(f *front) {
		c := f.dial()
		c.send(format, args...)
		_, _ = http.ReadResponse(c.Reader, nil)
	}
}

// picky is an app with the limits that apps have. To /slow it never comes to an end.
func picky(_ testing.TB, c *appConn) {
	for {
		head, err := c.ReadString('\n')
		if err != nil {
			return
		}
		if n := len(head); n > 4<<10 { // as uWSGI does: the rest stays unread
			return
		}
		for line := ""; line != "\r\n"; {
			if line, err = c.ReadString('\n'); err != nil {
				return
			}
			if head += line; len(head) > 4<<10 {
				return
			}
		}
		switch {
		case strings.Contains(head, "Content-Length: 999999"): // as apps do that destroy the socket
			return
		case strings.HasPrefix(head, "PROPFIND"):
			c.send("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n")
		case strings.HasPrefix(head, "GET /slow"):
			c.send("%s", byChunks)
			for c.sends(chunkOf("more")) {
				time.Sleep(time.Millisecond) // a pace, not a wait
			}
			return
		case strings.HasPrefix(head, "GET /upgrade"):
			if !strings.Contains(head, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") || !strings.Contains(head, "Upgrade: websocket") {
				c.send("HTTP/1.1 101 What\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n") // as lenient apps do
				return
			}
			c.send(upgraded)
			return
		case strings.HasPrefix(head, "GET /bad"):
			c.send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
		default:
			c.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

const handshake = "GET /upgrade HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// onTrial has a stranger at work while new code is on trial, and returns what became of that.
func onTrial(t *testing.T, do stranger) pool.RestartState {
	f := newFront(t, picky, func(_ *conf.Server, a *conf.App) { a.Health.Probation = time.Second })
	for range 200 {
		says(get)(f)
	}
	id := f.restart("/new").ID
	f.await("new code on trial", func() bool { r := f.group.Snapshot().Restart; return r != nil && r.Probation != nil })
	for range 100 {
		if f.group.Snapshot().Restart.State != pool.RestartRunning {
			break
		}
		do(f)
	}
	r, err := f.group.WaitRestart(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r.State
}

func TestNoStrangerCanHaveNewCodeTakenBack(t *testing.T) {
	for name, do := range map[string]stranger{
		"a method of its own":         says("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"a large cookie":              says("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=%s\r\n\r\n", strings.Repeat("x", 10<<10)),
		"a long target":               says("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("x", 5<<10)),
		"an upload that is too large": says("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n%s", strings.Repeat("x", 999999)),
		"half a body": func(f *front) {
			c := f.dial()
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").leave()
		},
		"half a handshake":                says(handshake + "Connection: Upgrade, Sec-WebSocket-Key\r\n\r\n"),
		"a handshake without its upgrade": says(handshake + "Connection: Upgrade, Upgrade\r\n\r\n"),
		"leaving inside an answer": func(f *front) {
			c := f.dial()
			c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
			_, _ = http.ReadResponse(c.Reader, nil)
			c.leave()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if state := onTrial(t, do); state != pool.RestartDone {
				t.Errorf("the restart is %s", state)
			}
		})
	}
	t.Run("but the code itself can", func(t *testing.T) {
		t.Parallel()
		if state := onTrial(t, says("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")); state == pool.RestartDone {
			t.Error("new code that fails is kept")
		}
	})
}
