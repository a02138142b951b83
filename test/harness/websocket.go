package harness

import (
	"io"
	"net/http"
	"testing"
)

// Upgrade is a request for a WebSocket.
const Upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// A WebSocket is an open one.
type WebSocket struct {
	*Conn
	Version string // of the release that accepted it
}

// OpenWebSocket asks for a WebSocket and expects to get it.
func OpenWebSocket(t *testing.T, p *Purser) WebSocket {
	t.Helper()
	return Upgraded(t, Dial(t, p))
}

// Upgraded makes a WebSocket of a connection.
func Upgraded(t *testing.T, c *Conn) WebSocket {
	t.Helper()
	c.Send(Upgrade)
	a := c.Answer("GET")
	if a.StatusCode != http.StatusSwitchingProtocols || a.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("the upgrade was answered with %d %v", a.StatusCode, a.Header)
	}
	return WebSocket{Conn: c, Version: a.Header.Get("X-Version")}
}

// MustEcho sends one masked text frame and expects it back.
func (w WebSocket) MustEcho(text string) {
	w.T.Helper()
	w.Send(string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text) // a mask of zeros changes nothing
	frame := make([]byte, 2+len(text))
	if _, err := io.ReadFull(w.In, frame); err != nil || string(frame[2:]) != text {
		w.T.Fatalf("the echo of %q was %q (%v)", text, frame, err)
	}
}
