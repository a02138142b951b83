package scale

import (
	"fmt"
	"testing"
	"time"

	"purser/test/harness"
)

// TestOneAddressThatTakesAllItCan has one address ask for 2,000 connections, again and again, and on each for as much
// as it gets. Others have what is left of a limit that it reaches at once.
func TestOneAddressThatTakesAllItCan(t *testing.T) {
	const most = 100
	p, a := serveSecurelyWith(t, fmt.Sprintf("max_connections_per_address = %d", most), "max_queue = 0", harness.Processes(1),
		"[[apps.app.limits]]\nrate = \"200/s\"\nburst = 400")
	load := harness.Load{Addr: p.Secure, Host: "a", Rate: 100, TLS: a.Trusting("a")}.Begin()
	t.Cleanup(func() { load.End() })
	_, spared := normalTrafficOverTLS(t)
	harness.AwaitAnswers(t, load, 200)
	base, memory, begun := resourcesOf(p.Front()), watchMemory(p.Front()), time.Now()

	before := processed(p.Status(t, "app"))
	flood := beginFlood(t, order{Addr: p.Secure, Host: "a", Kinds: []string{"greed"}, Clients: floodClients, From: []string{"127.0.0.2"}})
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+500)
	inUse := resourcesOf(p.Front()).descriptors - base.descriptors
	t.Log(flood.leave())
	grown := memory.end() - base.memory

	all, took := load.End(), time.Since(begun)
	mustServeAsBefore(t, all, spared.End(), begun)
	t.Logf("the address had about %d descriptors, and the memory grew by %d MiB", inUse, grown>>20)
	if inUse > most+mostLinks {
		t.Errorf("%d descriptors more were in use: the address has more than %d connections", inUse, most)
	}
	if grown > 128<<20 {
		t.Errorf("the memory grew by %d MiB", grown>>20)
	}
	if n := processed(p.Status(t, "app")) - before; float64(n) > 400+1.1*200*took.Seconds()+float64(len(all.Samples)) {
		t.Errorf("the app had %d requests to answer in %v, %d of them of others", n, took, len(all.Samples))
	}
}
