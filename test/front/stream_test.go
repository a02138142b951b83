package front

import (
	"net/url"
	"testing"

	"purser/test/harness"
)

func TestEachEventArrivesBeforeTheNextIsSent(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "text/plain"} {
		t.Run(kind, func(t *testing.T) {
			p, _ := harness.ServeNode(t)
			stream := harness.Dial(t, p)
			stream.Send("GET /stream?type=" + url.QueryEscape(kind) + " HTTP/1.1\r\nHost: a\r\n\r\n")
			stream.MustPass("data: first v=1")
			for range 3 {
				harness.Get(t, p, "/next")
				stream.MustPass("data: next v=1")
			}
			harness.Get(t, p, "/next?end")
			stream.MustPass("0\r\n") // the last chunk: a clean end
		})
	}
}

func TestAppIsToldWhenTheReaderOfItsEventsLeaves(t *testing.T) {
	p, _ := harness.ServeNode(t)
	stream := harness.Dial(t, p)
	stream.Send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
	stream.MustPass("data: first v=1")
	_ = stream.Net.Close()
	harness.Eventually(t, harness.Patience, "the app has no stream any more", func() bool {
		return harness.Get(t, p, "/next").Body == "streams=0\n"
	})
}

func TestEventStreamIsCountedAsAConnectionAndEndsWithItsProcess(t *testing.T) {
	p, app := harness.ServeNode(t, `websocket_drain_timeout = "300ms"`, `websocket_close_window = "0"`)
	stream := harness.Dial(t, p)
	stream.Send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
	stream.MustPass("data: first v=1")
	if s := p.Status(t, "app").Ready()[0]; s.Connections != 1 || s.Requests != 0 {
		t.Errorf("the status counts %d long-lived connections and %d requests, not 1 and 0", s.Connections, s.Requests)
	}
	app.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	stream.MustPass("0\r\n") // in good order: the client may ask again on the same connection
}
