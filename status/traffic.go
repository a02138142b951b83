package status

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Traffic is what was counted of an app's requests.
type Traffic struct {
	Classes            [6]int64  // by the first digit of their status
	Bounds             []float64 // seconds: the upper ends of the classes of what follows
	Took, Queued       []int64   // by how long they took, and how long they waited for a process; one class more than bounds
	TookSum, QueuedSum float64   // seconds
}

var (
	descRequests    = metric("requests_total", "Requests that were answered, by the first digit of their status.", "app", "class")
	descTook        = metric("request_duration_seconds", "From a request's first byte to the end of its answer; WebSockets apart.", "app")
	descQueued      = metric("request_queue_seconds", "How long requests waited for a process.", "app")
	descCrashes     = metric("process_crashes_total", "Processes that exited though nobody had asked them to.", "app")
	descFailed      = metric("process_failed_starts_total", "Processes that never became ready.", "app")
	descMemoryKills = metric("process_memory_kills_total", "Processes that the kernel has killed, as memory ran out.", "app")
	descRestarts    = metric("restarts_total", "Restarts that have ended, by how.", "app", "state")
)

func (r readings) traffic(app string, t Traffic) {
	for class, n := range t.Classes {
		if class > 0 {
			r.counter(descRequests, n, app, strconv.Itoa(class)+"xx")
		}
	}
	r.histogram(descTook, t.Bounds, t.Took, t.TookSum, app)
	r.histogram(descQueued, t.Bounds, t.Queued, t.QueuedSum, app)
}

func (r readings) counter(d *prometheus.Desc, value int64, labels ...string) {
	r <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

// histogram tells classes as Prometheus wants them: each with all that are below it.
func (r readings) histogram(d *prometheus.Desc, bounds []float64, counts []int64, sum float64, labels ...string) {
	below, buckets := uint64(0), map[float64]uint64{}
	for i, n := range counts {
		below += uint64(n)
		if i < len(bounds) {
			buckets[bounds[i]] = below
		}
	}
	r <- prometheus.MustNewConstHistogram(d, below, sum, buckets, labels...)
}
