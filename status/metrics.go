package status

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"purser/pool"
	"purser/restart"
)

// metrics answers GET /metrics. Each reading is made from what the pool says at that moment, so
// that it resets nothing and any number of readers get the same. What purser itself needs is told as every program in
// Go tells it.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector tells Prometheus what the pool says.
type collector struct{ *Server }

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("purser_"+name, help, labels, nil)
}

var (
	descBuildInfo   = metric("build_info", "Always 1; the labels say what runs.", "version", "goversion")
	descStartTime   = metric("start_time_seconds", "When purser was started, as Unix time.")
	descProcesses   = metric("processes", "Processes that live, by the state and generation they are in.", "app", "state", "generation")
	descInFlight    = metric("requests_in_flight", "Requests that the processes work on now.", "app")
	descLongLived   = metric("connections_long_lived", "WebSockets and event streams that are open now.", "app")
	descProcessed   = metric("requests_processed_total", "Requests that processes have done with since purser was started.", "app")
	descQueueLength = metric("queue_length", "Requests that wait for a process now.", "app")
	descGeneration  = metric("generation", "The newest generation; each restart makes one.", "app")
	descRestartRuns = metric("restart_running", "1 while a restart runs, or waits at its canary.", "app")
	descCanaryWaits = metric("restart_canary", "1 while a restart waits at its canary to be promoted or rolled back.", "app")
	descCondition   = metric("app_condition", "1 for the condition that the app is in, 0 for the others.", "app", "condition")
	descNeeds       = metric("needs_restart", "1 if the app was marked, or its code on disk is newer than what runs.", "app")
	descStale       = metric("code_stale_seconds", "For how long the code on disk has been newer than what runs; 0 = it is not.", "app")

	descSpool       = metric("spool_bytes", "Bytes of requests and answers that wait in files now.")
	descSpoolLimit  = metric("spool_limit_bytes", "How many may; then the slowest clients are cut off.")
	descMemory      = metric("buffer_memory_bytes", "Bytes of requests and answers that wait in memory now.")
	descMemoryLimit = metric("buffer_memory_limit_bytes", "How many may; then what comes goes to files at once.")
	descFaults      = metric("faults_total", "Connections that were ended by a fault in purser.")
	descLostCalls   = metric("requests_lost_total", "Requests that were being served when the process that serves crashed.")
	descUnannounced = metric("proxy_protocol_refused_total", "Connections that a peer listed in proxy_protocol did not begin with a header of the PROXY protocol.")
	descCrashLines  = metric("crash_lines_lost_total", "Lines of logs that waited to be written when the process that serves crashed.")
	descLost        = metric("log_lines_lost_total", "Lines of a log that were dropped, because nobody read it or its disk was full.", "log")

	descriptions = []*prometheus.Desc{descBuildInfo, descStartTime, descProcesses, descInFlight, descLongLived, descProcessed,
		descQueueLength, descGeneration, descRestartRuns, descCanaryWaits, descCondition, descNeeds, descStale,
		descSpool, descSpoolLimit, descMemory, descMemoryLimit, descFaults, descLostCalls, descCrashLines, descUnannounced, descLost, descCertificate, descFailing, descRequests, descTook, descQueued, descCrashes, descFailed, descRestarts, descCacheBytes, descCacheLimit, descCacheRequests, descWorkers, descWorkerCount, descWorkerEnded}
	conditions = []pool.Condition{pool.Closing, pool.Stopped, pool.Hung, pool.Resisting, pool.RolledBack, pool.Restarting, pool.Up, pool.Starting, pool.Failed, pool.Resting}
)

func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		to <- d
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	now := time.Now()
	out := readings(to)
	out.gauge(descBuildInfo, 1, c.Version, runtime.Version())
	out.gauge(descStartTime, float64(c.Started.UnixMilli())/1000)
	held, limit := c.Spool()
	out.gauge(descSpool, float64(held))
	out.gauge(descSpoolLimit, float64(limit))
	held, limit = c.InMemory()
	out.gauge(descMemory, float64(held))
	out.gauge(descMemoryLimit, float64(limit))
	to <- prometheus.MustNewConstMetric(descFaults, prometheus.CounterValue, float64(c.Faults()))
	to <- prometheus.MustNewConstMetric(descLostCalls, prometheus.CounterValue, float64(c.RequestsLost()))
	to <- prometheus.MustNewConstMetric(descCrashLines, prometheus.CounterValue, float64(c.CrashLinesLost()))
	to <- prometheus.MustNewConstMetric(descUnannounced, prometheus.CounterValue, float64(c.Unannounced()))
	for log, lines := range c.LinesLost() {
		to <- prometheus.MustNewConstMetric(descLost, prometheus.CounterValue, float64(lines), log)
	}
	if c.Certificates != nil {
		out.certificates(c.Certificates())
	}
	for _, g := range c.Pool.Groups() {
		s := g.Snapshot()
		out.app(s)
		out.needs(s.Name, c.Restarts.Needs(s.Name), now)
		if c.Ledger != nil {
			c.Ledger.read(s.Name, out)
		}
		if kept := c.cacheOf(s.Name); kept != nil {
			out.cache(s.Name, *kept)
		}
		if c.Traffic == nil {
			continue
		}
		if t, known := c.Traffic(s.Name); known {
			out.traffic(s.Name, t)
		}
	}
}

// readings is where the metrics of one reading go.
type readings chan<- prometheus.Metric

func (r readings) gauge(d *prometheus.Desc, value float64, labels ...string) {
	r <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (r readings) app(s pool.GroupSnapshot) {
	requests, connections := 0, 0
	type kind struct {
		state      string
		generation int
	}
	count := map[kind]int{}
	for _, p := range s.Processes {
		count[kind{p.State, p.Generation}]++
		requests += p.Requests
		connections += p.Connections
	}
	for k, n := range count {
		r.gauge(descProcesses, float64(n), s.Name, k.state, strconv.Itoa(k.generation))
	}
	r.workers(s)
	r.gauge(descInFlight, float64(requests), s.Name)
	r.gauge(descLongLived, float64(connections), s.Name)
	r <- prometheus.MustNewConstMetric(descProcessed, prometheus.CounterValue, float64(s.Processed), s.Name)
	r.gauge(descQueueLength, float64(s.Queue), s.Name)
	r.gauge(descGeneration, float64(s.Generation), s.Name)
	r.gauge(descRestartRuns, truth(underWay(s.Restart)), s.Name)
	r.gauge(descCanaryWaits, truth(s.Restart != nil && s.Restart.State == pool.RestartCanary), s.Name)
	for _, c := range conditions {
		r.gauge(descCondition, truth(s.Condition == c), s.Name, string(c))
	}
}

func (r readings) needs(app string, all []restart.Need, now time.Time) {
	r.gauge(descNeeds, truth(len(all) > 0), app)
	age := time.Duration(0)
	for _, n := range all {
		if n.Kind == restart.Changed {
			age = max(age, now.Sub(n.Since))
		}
	}
	r.gauge(descStale, age.Seconds(), app)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// underWay reports whether a restart has not ended.
func underWay(r *pool.RestartSnapshot) bool {
	return r != nil && (r.State == pool.RestartRunning || r.State == pool.RestartCanary)
}
