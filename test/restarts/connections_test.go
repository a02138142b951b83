package restarts

import (
	"fmt"
	"io"
	"testing"
	"time"

	"purser/test/harness"
)

// holders are the clients that stay: each returns once it is served by the old code, with what has to be true of
// it after the restart.
var holders = map[string]func(*testing.T, *harness.Purser) (after func()){
	"a WebSocket": func(t *testing.T, p *harness.Purser) func() {
		socket := harness.OpenWebSocket(t, p)
		socket.MustEcho("before")
		return func() { _, _ = io.Copy(io.Discard, socket.In) } // it ends
	},
	"an event stream": func(t *testing.T, p *harness.Purser) func() {
		stream := harness.Dial(t, p)
		stream.Send("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		stream.MustPass("first")
		return func() { _, _ = io.Copy(io.Discard, stream.In) }
	},
	"a slow reader": func(t *testing.T, p *harness.Purser) func() {
		const size = 20 << 20
		slow := harness.Dial(t, p)
		slow.Send(fmt.Sprintf("GET /big?bytes=%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", size))
		if _, err := slow.In.Peek(1); err != nil {
			t.Fatal(err)
		}
		return func() {
			if a := slow.Answer("GET"); len(a.Body) != size {
				t.Errorf("the slow reader got %d of %d bytes", len(a.Body), size)
			}
		}
	},
}

// R14: with the limits as they are by default (60 s for requests, 5 min for connections), no kind of connection
// holds a restart of any kind.
func TestNoKindOfConnectionHoldsARestart(t *testing.T) {
	for _, strategy := range []string{"rolling", "blue-green", "blocking"} {
		for _, concurrency := range []string{"1", `"unlimited"`} {
			for name, holds := range holders {
				t.Run(strategy+" with "+name+", concurrency "+concurrency, func(t *testing.T) {
					t.Parallel()
					p, app := harness.ServeNode(t, "concurrency = "+concurrency, `websocket_close_window = "1s"`, harness.RestartTable(fmt.Sprintf("strategy = %q", strategy)))
					after := holds(t, p)
					app.Write("VERSION", "2")
					result := harness.MustRestart(t, p, 0)
					if result.Took > 15*time.Second {
						t.Errorf("the restart took %v", result.Took)
					}
					if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
						t.Errorf("after the restart came %q", body)
					}
					if strategy == "blocking" || name == "a slow reader" {
						after()
					}
				})
			}
		}
	}
}
