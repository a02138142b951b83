package scale

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

func TestThousandSlowClientsDoNotSlowTheOthers(t *testing.T) {
	config := harness.ServerTable(`body_min_rate = "0"`, `send_min_rate = "0"`) + // else they are too slow
		harness.AppTable("app", harness.NewApp(t, "node").Dir, harness.Processes(2), "concurrency = 1", "max_queue = 0")
	p := harness.Serve(t, harness.Options{Config: config})
	harness.AwaitReady(t, p, 2)
	without := normalTraffic(t, p, 250)
	crowd := gather(t, p, 1000)
	with := normalTraffic(t, p, 500)
	cut := crowd.leave()

	harness.MustNotFail(t, without)
	harness.MustNotFail(t, with)
	t.Logf("without slow clients: %v", without)
	t.Logf("with them:            %v", with)
	t.Logf("p99 ratio %.2f", float64(with.Quantile(0.99))/float64(without.Quantile(0.99)))
	if with.Quantile(0.99) > max(4*without.Quantile(0.99), 100*time.Millisecond) {
		t.Errorf("slow clients raised p99 from %v to %v", without.Quantile(0.99), with.Quantile(0.99))
	}
	if cut > 0 {
		t.Errorf("%d slow clients were cut off", cut)
	}
}

// normalTraffic is n requests at 50 per second.
func normalTraffic(t *testing.T, p *harness.Purser, n int) harness.Report {
	t.Helper()
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, n)
	return load.End()
}

// A crowd is slow clients: half of them upload, half download, all at one byte per second.
type crowd struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex // guards cut
	cut    int        // how many purser disconnected
}

func gather(t *testing.T, p *harness.Purser, n int) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{cancel: cancel}
	before := processed(p.Status(t, "app"))
	t.Cleanup(func() { c.leave() })
	for i := range n {
		conn := harness.DialSlowly(t, p)
		if i%2 == 0 {
			harness.SendAll(t, conn, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
			c.done.Go(func() { c.crawl(ctx, conn, conn.Write) })
		} else {
			harness.SendAll(t, conn, "GET /big?bytes=300000 HTTP/1.1\r\nHost: a\r\n\r\n")
			c.done.Go(func() { c.crawl(ctx, conn, conn.Read) })
		}
	}
	harness.Eventually(t, harness.Patience, "the app has made all the slow downloads", func() bool {
		return processed(p.Status(t, "app")) >= before+n/2
	})
	return c
}

// processed is how many requests the processes have answered.
func processed(s harness.Status) int {
	n := 0
	for _, process := range s.Processes {
		n += process.Processed
	}
	return n
}

// crawl moves one byte per second until ctx ends or purser has had enough.
func (c *crowd) crawl(ctx context.Context, conn net.Conn, move func([]byte) (int, error)) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	tick := time.NewTicker(time.Second) // the client's pace
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := move([]byte{'x'}); err != nil && ctx.Err() == nil {
			c.mu.Lock()
			c.cut++
			c.mu.Unlock()
			return
		}
	}
}

// leave ends all slow clients and returns how many were cut off before.
func (c *crowd) leave() int {
	c.cancel()
	c.done.Wait()
	return c.cut
}
