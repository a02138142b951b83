package scale

import (
	"testing"
	"time"

	"purser/test/harness"
)

// TestUnreadAnswersOfManyShareOneBudget has 200 clients ask for 100 answers of 200 KiB each, and take nothing of them.
func TestUnreadAnswersOfManyShareOneBudget(t *testing.T) {
	const clients, budget = 200, 64 << 20
	p, a := serveSecurelyWith(t, `buffer_memory = "64MiB"`, "max_queue = 0", "min_processes = 1", "max_processes = 1")
	load := harness.Load{Addr: p.Secure, Host: "a", Rate: 50, TLS: a.Trusting("a")}.Begin()
	t.Cleanup(func() { load.End() })
	harness.AwaitAnswers(t, load, 100)
	base, memory, begun := resourcesOf(p.Front()), watchMemory(p.Front()), time.Now()

	flood := beginFlood(t, order{Addr: p.Secure, Host: "a", Kinds: unreadKinds, Clients: clients})
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	full := bufferMemory(t, p)
	rss, inUse := harness.RSS(p.Front()), resourcesOf(p.Front())
	t.Logf("%d MiB are counted, of %d; %d descriptors are in use", full.Held>>20, full.Limit>>20, inUse.descriptors)
	t.Log(flood.leave())
	most := memory.end()
	t.Logf("memory: %d MiB before, %d MiB with all that wait, at most %d MiB", base.memory>>20, rss>>20, most>>20)

	all := load.End()
	harness.MustNotFail(t, all)
	before := func(s harness.Sample) bool { return s.Answered().Before(begun) }
	quiet, with := harness.Report{Samples: all.Where(before)}, harness.Report{Samples: all.Where(func(s harness.Sample) bool { return !before(s) })}
	t.Logf("before: %v", quiet)
	t.Logf("with:   %v", with)
	if with.Quantile(0.5) > 5*quiet.Quantile(0.5)+20*time.Millisecond {
		t.Errorf("unread answers raised the median from %v to %v", quiet.Quantile(0.5), with.Quantile(0.5))
	}
	if grown := most - base.memory; grown > 4*budget { // as much again is garbage; each of 200 connections has its own
		t.Errorf("the memory grew by %d MiB", grown>>20)
	}
	if full.Limit != budget {
		t.Errorf("%d bytes may be in memory, want %d", full.Limit, budget)
	}
	harness.Eventually(t, harness.Patience, "nothing is in memory any more", func() bool { return bufferMemory(t, p).Held == 0 })
	if faults := p.Log.Lines("please report"); len(faults) > 0 {
		t.Errorf("purser has a fault: %s", faults[0])
	}
}

// buffers are what of bodies and answers is in memory.
type buffers struct {
	Held  int64 `json:"held"`
	Limit int64 `json:"limit"`
}

func bufferMemory(t *testing.T, p *harness.Purser) buffers {
	t.Helper()
	var status struct {
		BufferMemory buffers `json:"buffer_memory"`
	}
	p.AdminJSON(t, "/v1/status", &status)
	return status.BufferMemory
}
