package status

import (
	"strings"
	"testing"
	"time"

	"purser/restart"
)

func TestMetricsSayWhatThePoolSays(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	r.need(restart.Need{Kind: restart.Changed, Reason: "Gemfile.lock changed", Since: time.Now().Add(-time.Hour)})
	status, header, body := r.call(t, "GET", "/metrics", "")
	if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Fatalf("GET /metrics answered %d, %s: %s", status, header.Get("Content-Type"), body)
	}
	for _, line := range []string{
		`purser_processes{app="blog",generation="1",state="ready"} 2`,
		`purser_requests_in_flight{app="blog"} 0`,
		`purser_connections_long_lived{app="blog"} 0`,
		`purser_requests_processed_total{app="blog"} 0`,
		`purser_queue_length{app="blog"} 0`,
		`purser_generation{app="blog"} 1`,
		`purser_restart_running{app="blog"} 0`,
		`purser_restart_canary{app="blog"} 0`,
		`purser_app_condition{app="blog",condition="up"} 1`,
		`purser_app_condition{app="blog",condition="resisting"} 0`,
		`purser_app_condition{app="blog",condition="hung"} 0`,
		`purser_needs_restart{app="blog"} 1`,
		`purser_code_stale_seconds{app="blog"} 3600.`,
		`version="1.2.3"} 1`,
		`purser_spool_bytes 3.145728e+06`,
		`purser_spool_limit_bytes 1.073741824e+09`,
		`purser_buffer_memory_bytes 2.097152e+06`,
		`purser_buffer_memory_limit_bytes 5.36870912e+08`,
		`purser_faults_total 2`,
		`purser_proxy_protocol_refused_total 4`,
		`purser_requests_lost_total 5`,
		`purser_crash_lines_lost_total 6`,
		`purser_log_lines_lost_total{log="stderr"} 3`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("the metrics have no line %s:\n%s", line, body)
		}
	}
}

func TestMetricsShowARestartThatRuns(t *testing.T) {
	r := newRig(t)
	r.beginEndless(t)
	_, _, first := r.call(t, "GET", "/metrics", "")
	_, _, second := r.call(t, "GET", "/metrics", "")
	for _, line := range []string{
		`purser_restart_running{app="blog"} 1`,
		`purser_generation{app="blog"} 2`,
		`purser_processes{app="blog",generation="2",state="spawning"} 1`,
		`purser_needs_restart{app="blog"} 0`,
		`purser_code_stale_seconds{app="blog"} 0`,
	} {
		if !strings.Contains(first, line+"\n") || !strings.Contains(second, line+"\n") {
			t.Errorf("two readings do not both have the line %s:\n%s", line, first)
		}
	}
}
