package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Report is what became of the requests of a Load.
type Report struct{ Samples []Sample }

// Failed are the requests that were not answered with 200.
func (r Report) Failed() []Sample {
	return r.Where(func(s Sample) bool { return s.Err != nil || s.Status != 200 })
}

// Where are the samples for which ok.
func (r Report) Where(ok func(Sample) bool) []Sample {
	var found []Sample
	for _, s := range r.Samples {
		if ok(s) {
			found = append(found, s)
		}
	}
	return found
}

// Max is the longest latency.
func (r Report) Max() time.Duration { return r.Quantile(1) }

// Quantile is the latency that the share q of all samples does not exceed.
func (r Report) Quantile(q float64) time.Duration {
	if len(r.Samples) == 0 {
		return 0
	}
	all := make([]time.Duration, 0, len(r.Samples))
	for _, s := range r.Samples {
		all = append(all, s.Latency)
	}
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}

// First is the earliest answer whose body contains text.
func (r Report) First(text string) (Sample, bool) {
	return r.pick(text, func(a, b Sample) bool { return a.Answered().Before(b.Answered()) })
}

// Last is the latest answer whose body contains text.
func (r Report) Last(text string) (Sample, bool) {
	return r.pick(text, func(a, b Sample) bool { return a.Answered().After(b.Answered()) })
}

func (r Report) pick(text string, better func(a, b Sample) bool) (best Sample, found bool) {
	for _, s := range r.Samples {
		if strings.Contains(s.Body, text) && (!found || better(s, best)) {
			best, found = s, true
		}
	}
	return best, found
}

// String is one line of figures.
func (r Report) String() string {
	return fmt.Sprintf("%d requests, %d failed, p50 %v, p99 %v, max %v", len(r.Samples), len(r.Failed()),
		r.Quantile(0.5).Round(10*time.Microsecond), r.Quantile(0.99).Round(10*time.Microsecond), r.Max().Round(10*time.Microsecond))
}
