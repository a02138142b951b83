package harness

import (
	"io"
	"net/http"
	"strings"
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

// Say sends one masked text frame of at most 125 bytes over a connection that is a WebSocket.
func (w *Conn) Say(text string) {
	w.T.Helper()
	w.Send(string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text) // a mask of zeros changes nothing
}

// MustHear reads one text frame of at most 65535 bytes and expects that it begins with text.
func (w *Conn) MustHear(text string) {
	w.T.Helper()
	w.renew()
	head := make([]byte, 2, 4)
	_, err := io.ReadFull(w.In, head)
	if err == nil && head[1] == 126 {
		head = head[:4]
		_, err = io.ReadFull(w.In, head[2:])
	}
	frame := make([]byte, sizeOf(head))
	if err == nil {
		_, err = io.ReadFull(w.In, frame)
	}
	if err != nil || head[0] != 0x81 || !strings.HasPrefix(string(frame), text) {
		w.T.Fatalf("the WebSocket said %q (%v), which does not begin with %q", frame, err, text)
	}
}

// sizeOf is what the head of a frame says of its length.
func sizeOf(head []byte) int {
	if len(head) == 4 {
		return int(head[2])<<8 | int(head[3])
	}
	return int(head[1])
}

// MustEcho sends one text frame and expects it back.
func (w WebSocket) MustEcho(text string) {
	w.T.Helper()
	w.Say(text)
	frame := make([]byte, 2+len(text))
	if _, err := io.ReadFull(w.In, frame); err != nil || string(frame[2:]) != text {
		w.T.Fatalf("the echo of %q was %q (%v)", text, frame, err)
	}
}
