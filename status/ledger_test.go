package status

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"purser/pool"
)

func TestWhoMayOnlyReadFindsMetricsAndHealthAndNothingElse(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	handler := r.Server.readable()
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/v1/status": 404, "/v1/events": 404, "/": 404} {
		if got := ask(handler, http.MethodGet, path).Code; got != want {
			t.Errorf("GET %s is %d, want %d", path, got, want)
		}
	}
	for _, path := range []string{"/v1/stop", "/v1/apps/blog/restarts"} {
		if got := ask(handler, http.MethodPost, path).Code; got != 404 {
			t.Errorf("POST %s is %d", path, got)
		}
	}
	if r.stopped.Load() != 0 {
		t.Error("purser was stopped by who may only read")
	}
}

func TestMetricsSayWhatWasCounted(t *testing.T) {
	r := newRig(t)
	r.Traffic = func(string) (Traffic, bool) {
		return Traffic{Classes: [6]int64{0, 0, 7, 1, 2, 3}, Bounds: []float64{0.1, 1}, Took: []int64{4, 5, 1}, Queued: []int64{10, 0, 0}, TookSum: 6.5}, true
	}
	ledger := &Ledger{}
	r.Ledger = ledger
	ran := 0 // processes; the first crashed, as memory ran out for it
	see := func(kind, what string, process int) {
		ledger.See(pool.Event{App: "blog", Kind: kind, What: what, Process: process, OutOfMemory: what == "gone" && ran == 1, Crashed: what == "gone" && ran == 1})
	}
	for _, life := range []string{"spawning ready gone", "spawning ready draining stopping gone", "spawning gone", "spawning stopping gone"} {
		ran++
		for _, what := range strings.Fields(life) {
			see("process", what, 1)
		}
	}
	for _, what := range []string{"requested", "done", "requested", "failed", "requested", "done"} {
		see("restart", what, 0)
	}
	body := ask(r.Server.readable(), http.MethodGet, "/metrics").Body.String()
	for _, line := range []string{
		`purser_requests_total{app="blog",class="2xx"} 7`, `purser_requests_total{app="blog",class="5xx"} 3`,
		`purser_request_duration_seconds_bucket{app="blog",le="0.1"} 4`, `purser_request_duration_seconds_bucket{app="blog",le="1"} 9`,
		`purser_request_duration_seconds_bucket{app="blog",le="+Inf"} 10`, `purser_request_duration_seconds_sum{app="blog"} 6.5`,
		`purser_request_queue_seconds_count{app="blog"} 10`,
		`purser_process_crashes_total{app="blog"} 1`, `purser_process_failed_starts_total{app="blog"} 1`, `purser_process_memory_kills_total{app="blog"} 1`,
		`purser_restarts_total{app="blog",state="done"} 2`, `purser_restarts_total{app="blog",state="failed"} 1`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the metrics have no line %s:\n%s", line, body)
		}
	}
}

func TestMetricsEndWithTheServer(t *testing.T) {
	r := newRig(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Server.ServeMetrics(ln) }()
	answer, err := http.Get("http://" + ln.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := r.Server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func ask(handler http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}
