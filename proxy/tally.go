package proxy

import (
	"sync/atomic"
	"time"
)

// A tally counts the requests of one app. It is there only if somebody reads it.
type tally struct {
	classes [6]atomic.Int64 // by the first digit of their status
	took    histogram       // from a request's first byte to the end of its answer
	queued  histogram       // waiting for a process
}

// bounds are the upper ends of a histogram's classes; what is beyond the last is counted, too.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

type histogram struct {
	counts [len(bounds) + 1]atomic.Int64
	sum    atomic.Int64 // ns
}

func (h *histogram) add(ns int64) {
	at := 0
	for at < len(bounds) && ns > int64(bounds[at]) {
		at++
	}
	h.counts[at].Add(1)
	h.sum.Add(ns)
}

// record counts an exchange that has ended. A tunnel says nothing of how long requests take.
func (t *tally) record(x *exchange) {
	if t == nil {
		return
	}
	t.classes[min(x.story.status/100, len(t.classes)-1)].Add(1)
	if x.story.status != 101 {
		t.took.add(x.took())
		t.queued.add(x.details.queued)
	}
}

// Traffic is what a tally has counted so far.
type Traffic struct {
	Classes            [6]int64  // requests by the first digit of their status
	Bounds             []float64 // seconds: the upper ends of the classes of what follows
	Took, Queued       []int64   // requests by how long they took, and how long they waited for a process; one class more than bounds
	TookSum, QueuedSum float64   // seconds
}

// Traffic returns what was counted of an app; known is false if nothing is counted.
func (s *Server) Traffic(app string) (t Traffic, known bool) {
	counted := s.current.Load().tallies[app]
	if counted == nil {
		return t, false
	}
	for i := range counted.classes {
		t.Classes[i] = counted.classes[i].Load()
	}
	for _, bound := range bounds {
		t.Bounds = append(t.Bounds, bound.Seconds())
	}
	t.Took, t.TookSum = counted.took.read()
	t.Queued, t.QueuedSum = counted.queued.read()
	return t, true
}

func (h *histogram) read() (counts []int64, sum float64) {
	for i := range h.counts {
		counts = append(counts, h.counts[i].Load())
	}
	return counts, time.Duration(h.sum.Load()).Seconds()
}
