package operators

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// Whoever reads them needs no token, and can do nothing else.
func TestMetricsAreReadWithoutTheAdminSocket(t *testing.T) {
	t.Parallel()
	app, addr := harness.NewApp(t, "node"), harness.FreeAddr()
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(fmt.Sprintf("metrics = %q", addr)) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	for range 5 {
		harness.Get(t, p, "/")
	}
	if err := syscall.Kill(p.Status(t, "app").PIDs()[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	app.Write("VERSION", "2")
	harness.Eventually(t, harness.Patience, "it is repaired", func() bool {
		return strings.Contains(read(t, addr, "/metrics"), `purser_process_crashes_total{app="app"} 1`)
	})
	harness.MustRestart(t, p, 0)
	wanted := []string{
		`purser_requests_total{app="app",class="2xx"} 5`,
		`purser_request_duration_seconds_count{app="app"} 5`,
		`purser_request_queue_seconds_count{app="app"} 5`,
		`purser_restarts_total{app="app",state="done"} 1`,
	}
	harness.Eventually(t, harness.Patience, "all is counted", func() bool {
		body := read(t, addr, "/metrics")
		for _, line := range wanted {
			if !strings.Contains(body, line) {
				return false
			}
		}
		return true
	})
	if body := read(t, addr, "/v1/status"); !strings.Contains(body, "not_found") {
		t.Errorf("the status is there, too: %.200s", body)
	}
}

func read(t *testing.T, addr, path string) string {
	t.Helper()
	answer, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
