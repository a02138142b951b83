package test

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestWebSocketLivesThroughARestart(t *testing.T) {
	p, app := serveNode(t)
	socket := openWebSocket(t, p)
	socket.mustEcho("before")

	app.Write("VERSION", "2")
	app.Touch()
	harness.Eventually(t, patience, "new requests get the new release", func() bool {
		return strings.HasPrefix(get(t, p, "/").Body, "v=2 ")
	})
	waitGeneration(t, p, "app", 2)
	socket.mustEcho("after") // by the old process, which drains
	_ = socket.conn.Close()
	harness.Eventually(t, patience, "the old process ends with its last connection", func() bool {
		return len(p.Status(t, "app").Processes) == 1
	})
	if again := openWebSocket(t, p); again.version != "2" {
		t.Errorf("a new WebSocket is served by release %q", again.version)
	}
}

func TestOldWebSocketIsClosedAtItsDrainDeadline(t *testing.T) {
	p, app := serveNode(t, `websocket_drain_timeout = "500ms"`, `websocket_close_window = "0"`)
	socket := openWebSocket(t, p)
	socket.mustEcho("before")
	app.Touch()
	frame := make([]byte, 4)
	if _, err := io.ReadFull(socket.in, frame); err != nil || frame[0] != 0x88 || binary.BigEndian.Uint16(frame[2:]) != 1012 {
		t.Errorf("instead of a Close frame with 1012 the old WebSocket got % x, %v", frame, err)
	}
	harness.Eventually(t, patience, "the old process is gone", func() bool {
		s := p.Status(t, "app")
		return s.Generation == 2 && len(s.Processes) == 1
	})
}

func TestUpgradeRefusedByTheAppIsAnOrdinaryAnswer(t *testing.T) {
	p, _ := serveNode(t)
	c := dial(t, p)
	c.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	if a := c.answer("GET"); a.StatusCode != 200 || !strings.HasPrefix(a.Body, "v=1") {
		t.Errorf("an upgrade to h2c was answered with %d %q, not as a plain request", a.StatusCode, a.Body)
	}
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if a := c.answer("GET"); a.StatusCode != 200 {
		t.Errorf("the next request on that connection got %d", a.StatusCode)
	}
}
