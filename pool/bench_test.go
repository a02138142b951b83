package pool

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// BenchmarkLend is the way of every request through the pool: a process has room and nobody waits.
func BenchmarkLend(b *testing.B) {
	for _, processes := range []int{1, 4, 200} {
		for _, concurrency := range []int{conf.Unlimited, 8} {
			b.Run(fmt.Sprintf("processes=%d/concurrency=%d", processes, concurrency), func(b *testing.B) {
				g := serving(b, processes, concurrency)
				b.ReportAllocs()
				for b.Loop() {
					g.Release(g.TryAcquire(Wish{}), Worked)
				}
			})
		}
	}
}

// BenchmarkLendBusy is the same with half of what the processes can take in flight.
func BenchmarkLendBusy(b *testing.B) {
	g := serving(b, 200, 8)
	var lent []*Process
	for range 800 {
		lent = append(lent, g.TryAcquire(Wish{}))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		g.Release(lent[i], Worked)
		lent[i] = g.TryAcquire(Wish{})
		i = (i + 13) % len(lent)
	}
	for _, p := range lent {
		g.Release(p, Worked)
	}
}

// BenchmarkLendParallel has all CPUs compete.
func BenchmarkLendParallel(b *testing.B) {
	g := serving(b, 4, conf.Unlimited)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Release(g.TryAcquire(Wish{}), Worked)
		}
	})
}

// BenchmarkQueue is the way of a request through a queue with thousands in it.
func BenchmarkQueue(b *testing.B) {
	g := serving(b, 200, 1)
	var lent []*Process
	for range 200 {
		lent = append(lent, g.TryAcquire(Wish{}))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for range 5000 {
		g.state.acquire(now, &waiter{done: make(chan struct{})})
	}
	b.ReportAllocs()
	for b.Loop() {
		g.state.acquire(now, &waiter{done: make(chan struct{})})
		p := lent[0]
		g.state.giveBack(p, Worked)
		g.state.released(now, p)
	}
}

// serving returns a group with so many ready processes.
func serving(b *testing.B, processes, concurrency int) *Group {
	s := openShop(0)
	s.pool = New(0, 0, hclog.NewNullLogger())
	g := s.pool.Add(conf.App{
		Name: "blog", MinProcesses: processes, MaxProcesses: processes, Concurrency: concurrency,
		StopTimeout: time.Minute,
	}, Release{}, s.spawnNow)
	b.Cleanup(func() {
		if err := s.pool.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ready(g) < processes; {
		if time.Now().After(deadline) {
			b.Fatal("not all processes got ready")
		}
	}
	return g
}

// BenchmarkSettle is an event that changes nothing.
func BenchmarkSettle(b *testing.B) {
	for _, processes := range []int{4, 100, 1000} {
		b.Run(fmt.Sprintf("processes=%d", processes), func(b *testing.B) {
			g := serving(b, processes, 1)
			g.mu.Lock()
			defer g.mu.Unlock()
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				g.state.settle(now)
			}
		})
	}
}

// BenchmarkSaturated is a request that waits at an app all of whose processes are busy.
func BenchmarkSaturated(b *testing.B) {
	g := serving(b, 1000, 1)
	for range 1000 {
		g.TryAcquire(Wish{})
	}
	b.ReportAllocs()
	for b.Loop() {
		if g.TryAcquire(Wish{}) != nil {
			b.Fatal("there was room")
		}
	}
	for _, p := range g.state.procs {
		g.Release(p, Worked)
	}
}
