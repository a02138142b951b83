package test

import (
	"io"
	"net/http"
	"testing"

	"purser/test/harness"
)

const upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// A webSocket is an open one.
type webSocket struct {
	*wire
	version string // of the release that accepted it
}

func openWebSocket(t *testing.T, p *harness.Purser) webSocket {
	t.Helper()
	c := dial(t, p)
	c.send(upgrade)
	a := c.answer("GET")
	if a.StatusCode != http.StatusSwitchingProtocols || a.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("the upgrade was answered with %d %v", a.StatusCode, a.Header)
	}
	return webSocket{wire: c, version: a.Header.Get("X-Version")}
}

// mustEcho sends one masked text frame and expects it back.
func (w webSocket) mustEcho(text string) {
	w.t.Helper()
	w.send(string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text) // a mask of zeros changes nothing
	frame := make([]byte, 2+len(text))
	if _, err := io.ReadFull(w.in, frame); err != nil || string(frame[2:]) != text {
		w.t.Fatalf("the echo of %q was %q (%v)", text, frame, err)
	}
}
