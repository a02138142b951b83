package proxy

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
)

// holding is an app whose answers, by their numbers, wait for the test, unless let is nil.
func holding(answer func(n int32) string, asked *atomic.Int32, let <-chan struct{}) script {
	return func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			n := asked.Add(1)
			if let != nil {
				<-let
			}
			c.send("%s", answer(n))
		}
	}
}

// always is the same answer.
func always(answer string) func(int32) string { return func(int32) string { return answer } }

// numbered is what head says and the number of the answer.
func numbered(head string) func(int32) string {
	return func(n int32) string {
		body := fmt.Sprint("answer ", n)
		return fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}
}

// waiting is an app whose answers wait for the test; each has its number in it, and may be kept.
func waiting(control string, asked *atomic.Int32, let <-chan struct{}) script {
	return holding(numbered("Cache-Control: "+control+"\r\n"), asked, let)
}

// oneAsksAndTwoWait has three ask for a page: the app has been asked once, and two wait for what comes of that.
func (f *front) oneAsksAndTwoWait(asked *atomic.Int32, ask func()) *sync.WaitGroup {
	f.t.Helper()
	var all sync.WaitGroup
	all.Go(ask)
	f.await("the first to ask", func() bool { return asked.Load() == 1 })
	all.Go(ask)
	all.Go(ask)
	f.await("the others to wait for it", func() bool { return f.waitForOne() == 2 })
	return &all
}

// bothAsk lets the app end its first answer, at which those that have waited ask beside each other, and then theirs.
func (f *front) bothAsk(all *sync.WaitGroup, asked *atomic.Int32, let chan struct{}) {
	f.t.Helper()
	let <- struct{}{}
	f.await("both to ask", func() bool { return asked.Load() == 3 })
	close(let)
	all.Wait()
}

// TestWhoWaitsForAPageThatIsReplacedDoesNotWaitInARow: it is not stored, so the next one would wait in vain, too.
func TestWhoWaitsForAPageThatIsReplacedDoesNotWaitInARow(t *testing.T) {
	root := t.TempDir()
	put(t, root, "e.html", "ours")
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, holding(always("HTTP/1.1 404 Not Found\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nno"), &asked, let), func(s *conf.Server, a *conf.App) { cached(s, a); a.Root, a.Concurrency = root, conf.Unlimited })
	f.paged(conf.Pages{Files: map[string]string{"404": "e.html"}, Intercept: true})
	all := f.oneAsksAndTwoWait(&asked, func() { f.call(get).serve().expect(404, "ours") })
	f.bothAsk(all, &asked, let)
}

// TestWhoWaitsForAnAnswerThatIsCutDoesNotWaitInARow: the app, or its process, may end each of them so.
func TestWhoWaitsForAnAnswerThatIsCutDoesNotWaitInARow(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if request, _ := c.request(); request != "" {
			asked.Add(1)
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\nhalf")
			<-let
		}
	}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Concurrency = conf.Unlimited })
	all := f.oneAsksAndTwoWait(&asked, func() { f.call(get).serve() })
	f.bothAsk(all, &asked, let)
}

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
	began := time.Now()
	all := f.oneAsksAndTwoWait(&asked, func() { f.call(get).serve().expect(200, "halfhalf") })
	f.await("what comes to be stale", func() bool { return time.Since(began) > 2*time.Second })
	f.bothAsk(all, &asked, let)
}
