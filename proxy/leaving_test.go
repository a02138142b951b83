package proxy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

const (
	upgrade    = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	upgraded   = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	closed1012 = "8 \x03\xf4service restart"
)

// leavesWithin lets long-lived connections end as soon as their process is replaced, over a window.
func leavesWithin(window time.Duration) func(*conf.Server, *conf.App) {
	return func(_ *conf.Server, a *conf.App) {
		a.WebsocketDrainTimeout, a.WebsocketCloseWindow = time.Millisecond, window
	}
}

// frameOf is one short frame of text, masked as a client's is.
func frameOf(text string, masked bool) string {
	if !masked {
		return "\x81" + string(rune(len(text))) + text
	}
	b := []byte(text)
	for i := range b {
		b[i] ^= "mask"[i%4]
	}
	return "\x81" + string([]byte{0x80 | byte(len(text))}) + "mask" + string(b)
}

// readFrame reads one frame and returns its opcode and payload, or why there is none.
func readFrame(r *bufio.Reader) string {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err.Error()
	}
	n, mask := int(head[1]&0x7f), make([]byte, 4)
	if n == 126 {
		var wide [2]byte
		if _, err := io.ReadFull(r, wide[:]); err != nil {
			return err.Error()
		}
		n = int(binary.BigEndian.Uint16(wide[:]))
	}
	masked := head[1]&0x80 != 0
	if masked {
		if _, err := io.ReadFull(r, mask); err != nil {
			return err.Error()
		}
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return err.Error()
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	kind := ""
	if masked {
		kind = "masked "
	}
	return fmt.Sprintf("%s%x %s", kind, head[0]&0x0f, payload)
}

// webSocket opens a WebSocket to the app.
func (f *front) webSocket() *visitor {
	f.t.Helper()
	c := f.dial()
	c.send(upgrade)
	if res, err := http.ReadResponse(c.Reader, nil); err != nil || res.StatusCode != 101 {
		f.t.Fatalf("got %v, %v, want 101", res, err)
	}
	return c
}

func (c *visitor) expectFrame(want string) {
	c.t.Helper()
	if got := readFrame(c.Reader); got != want {
		c.t.Fatalf("got %q, want %q", got, want)
	}
}

// restart replaces every process by one of a release.
func (f *front) restart(release string) pool.RestartSnapshot {
	return f.group.Restart(pool.RestartRequest{Release: pool.Release{Path: release}, Strategy: "rolling"})
}

// restarted waits until a restart is done.
func (f *front) restarted(release string) {
	f.t.Helper()
	r, err := f.group.WaitRestart(f.t.Context(), f.restart(release).ID)
	if err != nil || r.State != pool.RestartDone {
		f.t.Fatalf("the restart: %+v, %v", r, err)
	}
}

// newStubborn is newFront with first processes that ignore that they are asked to exit: the test is
// handed them when they are.
func newStubborn(t testing.TB, do script, change func(*conf.Server, *conf.App)) (f *front, asked <-chan *member) {
	c := make(chan *member, 1)
	f = &front{t: t, log: &syncBuffer{}}
	f.stop = func(m *member) {
		if m.order.Generation == 1 {
			c <- m
		} else {
			m.Kill()
		}
	}
	f.start(do, change)
	return f, c
}
