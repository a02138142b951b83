package front

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestWebSocketLivesThroughARestart(t *testing.T) {
	p, app := harness.ServeNode(t)
	socket := harness.OpenWebSocket(t, p)
	socket.MustEcho("before")

	app.Write("VERSION", "2")
	app.Touch()
	harness.Eventually(t, harness.Patience, "new requests get the new release", func() bool {
		return strings.HasPrefix(harness.Get(t, p, "/").Body, "v=2 ")
	})
	harness.AwaitRestart(t, p, "app", 2)
	socket.MustEcho("after") // by the old process, which drains
	_ = socket.Net.Close()
	harness.Eventually(t, harness.Patience, "the old process ends with its last connection", func() bool {
		return len(p.Status(t, "app").Processes) == 1
	})
	if again := harness.OpenWebSocket(t, p); again.Version != "2" {
		t.Errorf("a new WebSocket is served by release %q", again.Version)
	}
}

func TestOldWebSocketIsClosedAtItsDrainDeadline(t *testing.T) {
	p, app := harness.ServeNode(t, `websocket_drain_timeout = "500ms"`, `websocket_close_window = "0"`)
	socket := harness.OpenWebSocket(t, p)
	socket.MustEcho("before")
	app.Touch()
	frame := make([]byte, 4)
	if _, err := io.ReadFull(socket.In, frame); err != nil || frame[0] != 0x88 || binary.BigEndian.Uint16(frame[2:]) != 1012 {
		t.Errorf("instead of a Close frame with 1012 the old WebSocket got % x, %v", frame, err)
	}
	harness.Eventually(t, harness.Patience, "the old process is gone", func() bool {
		s := p.Status(t, "app")
		return s.Generation == 2 && len(s.Processes) == 1
	})
}

func TestUpgradeRefusedByTheAppIsAnOrdinaryAnswer(t *testing.T) {
	p, _ := harness.ServeNode(t)
	c := harness.Dial(t, p)
	c.Send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	if a := c.Answer("GET"); a.StatusCode != 200 || !strings.HasPrefix(a.Body, "v=1") {
		t.Errorf("an upgrade to h2c was answered with %d %q, not as a plain request", a.StatusCode, a.Body)
	}
	c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if a := c.Answer("GET"); a.StatusCode != 200 {
		t.Errorf("the next request on that connection got %d", a.StatusCode)
	}
}
