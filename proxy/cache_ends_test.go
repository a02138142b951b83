package proxy

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"purser/conf"
)

// TestWhoAsksAfterAChangeDoesNotGetWhatWasAskedForBefore: not even by waiting for it.
func TestWhoAsksAfterAChangeDoesNotGetWhatWasAskedForBefore(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, waiting("max-age=60", &asked, let), cached)
	var before, after sync.WaitGroup
	before.Go(func() { f.call(get).serve().expect(200, "answer 1") })
	f.await("the first to ask", func() bool { return asked.Load() == 1 })
	if _, caches := f.server.Purge("app", "/"); !caches {
		t.Fatal("there is no cache")
	}
	after.Go(func() { f.call(get).serve().expect(200, "answer 2") })
	f.await("the second to ask, too", func() bool { return asked.Load() == 2 })
	close(let)
	before.Wait()
	after.Wait()
	f.call(get).serve().expect(200, "answer 2")
}

// TestAStopDoesNotWaitForARefresh: it is nobody's request.
func TestAStopDoesNotWaitForARefresh(t *testing.T) {
	for _, concurrency := range []int{1, conf.Unlimited} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			var asked atomic.Int32
			let := make(chan struct{}, 1)
			let <- struct{}{}
			f := newFront(t, waiting("max-age=0, stale-while-revalidate=60", &asked, let), func(s *conf.Server, a *conf.App) {
				cached(s, a)
				a.Concurrency = concurrency
			})
			f.call(get).serve().expect(200, "answer 1")
			f.call(get).serve().expect(200, "answer 1")
			f.await("the app to be asked again", func() bool { return asked.Load() == 2 })
			f.call(get).serve().expect(200, "answer 1")
			ctx, cancel := context.WithTimeout(t.Context(), longWait)
			defer cancel()
			if err := f.server.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			close(let)
			if asked.Load() != 2 {
				t.Errorf("the app was asked %d times: two refreshes at once", asked.Load())
			}
		})
	}
}

// TestARefreshThatMayNeverEndIsGivenUp: it would hold a process, and the place of another refresh, for ever.
func TestARefreshThatMayNeverEndIsGivenUp(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			if asked.Add(1) > 1 {
				c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
				_, _ = io.Copy(io.Discard, c)
				return
			}
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-while-revalidate=60\r\nContent-Length: 4\r\n\r\npage")
		}
	}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Concurrency = conf.Unlimited })
	f.call(get).serve().expect(200, "page")
	f.call(get).serve().expect(200, "page")
	f.await("the app to be asked again", func() bool { return asked.Load() == 2 })
	f.await("the refresh to be given up", func() bool { return len(f.server.refreshes.room) == 0 })
	f.free()
}

// TestAHeadHasAStalePageBroughtUpToDate: the app is asked for the page, as a head alone is not stored.
func TestAHeadHasAStalePageBroughtUpToDate(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			request, _ := c.request()
			if request == "" {
				return
			}
			if n := asked.Add(1); strings.HasPrefix(request, "GET ") {
				c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=%d, stale-while-revalidate=60\r\nContent-Length: 6\r\n\r\npage %d", (n-1)*60, n)
				continue
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
		}
	}, cached)
	f.call(get).serve().expect(200, "page 1")
	f.call(strings.Replace(get, "GET", "HEAD", 1)).serve().expect(200, "")
	f.await("the app to be asked again", func() bool { return asked.Load() == 2 })
	f.await("the refresh to end", func() bool { return len(f.server.refreshes.room) == 0 })
	f.call(get).serve().expect(200, "page 2")
}

// TestAStoredAnswerInThePlaceOfAnErrorHoldsNoProcess, however slow who takes it is.
func TestAStoredAnswerInThePlaceOfAnErrorHoldsNoProcess(t *testing.T) {
	var asked atomic.Int32
	long := strings.Repeat("0123456789abcdef", 20<<10)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			if asked.Add(1) > 1 {
				c.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nsorry")
				continue
			}
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-if-error=60\r\nContent-Length: %d\r\n\r\n%s", len(long), long)
		}
	}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Concurrency = 1 })
	f.call(get).serve().expect(200, long)
	slow := f.call(get)
	slow.window = 1000
	wait := slow.begin()
	f.await("the app to be asked again", func() bool { return asked.Load() == 2 })
	f.free()
	slow.read(1 << 30)
	wait()
	slow.expect(200, long)
}

// TestALongAnswerComesWhole, from the app and from the cache, and one that is too long is not kept.
func TestALongAnswerComesWhole(t *testing.T) {
	var asked atomic.Int32
	long := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			request, _ := c.request()
			if request == "" {
				return
			}
			asked.Add(1)
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range strings.Count(request, "twice") + 1 {
				c.send("%x\r\n%s\r\n", len(long), long)
			}
			c.send("0\r\n\r\n")
		}
	}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Cache.MaxObject = 512 << 10 })
	twice := strings.Replace(get, "/ ", "/twice ", 1)
	for range 2 {
		f.call(get).serve().expect(200, long)
		f.call(twice).serve().expect(200, long+long)
		f.call(strings.Replace(get, "1.1", "1.0", 1)).serve().expect(200, long)
	}
	if asked.Load() != 3 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
	slow := f.call(get)
	slow.window = 1000
	wait := slow.begin()
	slow.read(1 << 30)
	wait()
	slow.expect(200, long)
}

// BenchmarkStored is a small keep-alive GET that the cache answers.
func BenchmarkStored(b *testing.B) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=3600\r\nContent-Length: 12\r\n\r\nhello world\n")
	f := newFront(b, quick("\r\n\r\n", answer), cached)
	c := dialBench(b, f.addr)
	buf := make([]byte, 4096)
	for range 1000 {
		roundTrip(b, c, benchRequest, buf)
	}
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, c, benchRequest, buf)
	}
}

// TestAReloadKeepsWhatIsStored, unless the cache itself is configured otherwise.
func TestAReloadKeepsWhatIsStored(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\n", &asked), cached)
	f.call(get).serve().expect(200, "answer 1")
	apps := []conf.App{f.config.Apps[0]}
	apps[0].MaxQueue++
	changed := f.config
	changed.Apps = apps
	f.server.Change(changed)
	f.call(get).serve().expect(200, "answer 1")
	apps = []conf.App{apps[0]}
	apps[0].Cache.StaleIfError = longWait
	changed.Apps = apps
	f.server.Change(changed)
	f.call(get).serve().expect(200, "answer 2")
	apps = []conf.App{apps[0]}
	apps[0].Cache.Size = 0
	changed.Apps = apps
	f.server.Change(changed)
	f.call(get).serve().expect(200, "answer 3")
	f.call(get).serve().expect(200, "answer 4")
}
