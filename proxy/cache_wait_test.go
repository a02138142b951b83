package proxy

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
)

// TestWhoWaitsForAPageThatIsStaleWhenItIsWholeDoesNotWaitInARow: one after the other would wait for what takes longer than
// it is fresh.
func TestWhoWaitsForAPageThatIsStaleWhenItIsWholeDoesNotWaitInARow(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			asked.Add(1)
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=1\r\nContent-Length: 8\r\n\r\nhalf")
			select {
			case <-let:
			case <-t.Context().Done():
				return
			}
			c.send("half")
		}
	}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Concurrency = conf.Unlimited })
	var all sync.WaitGroup
	ask := func() { f.call(get).serve().expect(200, "halfhalf") }
	began := time.Now()
	all.Go(ask)
	await(t, "the first to ask", func() bool { return asked.Load() == 1 })
	all.Go(ask)
	all.Go(ask)
	await(t, "the others to wait for it", func() bool { return f.server.cacheOf("app").Waiting() == 2 })
	await(t, "what comes to be stale", func() bool { return time.Since(began) > 2*time.Second })
	let <- struct{}{}
	await(t, "both to ask", func() bool { return asked.Load() == 3 })
	close(let)
	all.Wait()
}
