package scale

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"purser/test/harness"
)

// lazy is an app in Ruby of which a part is in memory when it is loaded, and 50 MB are made by the first requests, as what
// is memoised is, and then kept.
const lazy = `
HELD = Array.new(450_000) { |i| "#{i} is held for as long as the app runs, like what a framework loads" }
LAZY = []
run ->(_) {
  first = LAZY.size
  LAZY.concat(Array.new(45_000) { |i| "#{first + i} is made by the first requests, and held for as long as the app runs" }) if first < 450_000
  sleep 0.01 # or the first process answers all of them
  [200, { "content-type" => "text/plain" }, [(1..2000).map(&:to_s).join(" ")[0, 100]]]
}
`

// mostOfForked is what the app takes at most after a refork, of what it takes without.
const mostOfForked = 0.7

func TestWhatIsMadeByRequestsIsInMemoryOnceAfterARefork(t *testing.T) {
	for _, n := range []int{4, 8} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			forked, reforked := lazilyServed(t, n, 0), lazilyServed(t, n, 100)
			t.Logf("%d processes after 200 requests each: %d MiB with preload, and %d MiB with a refork (the source included)", n, forked>>20, reforked>>20)
			if float64(reforked) > mostOfForked*float64(forked) {
				t.Errorf("after a refork it takes %.2f of what it takes without", float64(reforked)/float64(forked))
			}
		})
	}
}

// lazilyServed is what the processes take when they have answered 200 requests each.
func lazilyServed(t *testing.T, n, refork int) (memory int64) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("config.ru", lazy)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(n), "preload = true", fmt.Sprintf("preload_refork = %d", refork))})
	harness.AwaitReady(t, p, n)
	leave := visit(t, p, n)
	if refork > 0 {
		harness.Eventually(t, harness.ReadyLimit, "the app was reforked, and all processes come from the new source", func() bool {
			sources, all := p.Sources(t, "app"), p.Status(t, "app")
			return len(sources) == 1 && sources[0].Answered >= refork && sources[0].Forked >= n && len(all.Processes) == n && len(all.Ready()) == n
		})
	}
	harness.Eventually(t, harness.ReadyLimit, "each process has answered 200 requests", func() bool {
		ready := p.Status(t, "app").Ready()
		return !slices.ContainsFunc(ready, func(one harness.Process) bool { return one.Processed < 200 })
	})
	leave()
	for _, process := range p.Family() {
		memory += harness.PSS(process.PID)
	}
	if _, err := p.Stop(harness.Patience); err != nil {
		t.Fatal(err)
	}
	return memory
}

// visit has n visitors, each with one request after the other, until it is ended.
func visit(t *testing.T, p *harness.Purser, n int) (leave func()) {
	var visitors sync.WaitGroup
	left := make(chan struct{})
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	for range n {
		visitors.Go(func() {
			for {
				select {
				case <-left:
					return
				default:
				}
				answer, err := client.Get("http://" + p.Addr + "/")
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("a visitor is answered %d", answer.StatusCode)
				}
			}
		})
	}
	return func() {
		close(left)
		visitors.Wait()
		client.CloseIdleConnections()
	}
}
