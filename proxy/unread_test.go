package proxy

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"purser/conf"
	"purser/proxy/spool"
)

func TestStreamsThatNobodyReadsAreEnded(t *testing.T) {
	const visitors = 6
	event := "data: " + strings.Repeat("x", 10_000) + "\n\n"
	for name, concurrency := range map[string]int{"any number at once": conf.Unlimited, "so many at once": visitors} {
		t.Run(name, func(t *testing.T) {
			var ended sync.WaitGroup
			ended.Add(visitors)
			f := newFront(t, func(_ testing.TB, c *appConn) {
				if head, _ := c.request(); greeting(c, head) {
					return
				}
				defer ended.Done()
				c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
				for {
					if _, err := c.Write([]byte(event)); err != nil {
						return
					}
				}
			}, func(_ *conf.Server, a *conf.App) { a.Concurrency = concurrency })
			for range visitors {
				c := f.dialSlowly(4 << 10)
				c.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
				if res, err := http.ReadResponse(c.Reader, nil); err != nil || res.StatusCode != 200 {
					t.Fatalf("got %v, %v", res, err)
				}
			}
			all := make(chan struct{})
			go func() { ended.Wait(); close(all) }()
			most := int64(0)
			f.await("the app is told that nobody reads", func() bool {
				held, _ := f.server.Spool()
				most = max(most, held)
				select {
				case <-all:
					return true
				default:
					return false
				}
			})
			if most > visitors*spool.StreamMost {
				t.Errorf("%d MiB were held for them", most>>20)
			}
			f.dial().send(get).expect(200, "hello")
			f.await("nothing is held", func() bool { held, _ := f.server.Spool(); return held == 0 })
		})
	}
}
