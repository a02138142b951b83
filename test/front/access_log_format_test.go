package front

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// fieldsOf are the keys of a log at file, and those of its app.
func fieldsOf(file, dir, format string, keys ...string) string {
	return harness.ServerTable(`access_log = "`+file+`"`, `access_log_format = '`+format+`'`) +
		harness.AppTable("app", dir, append(keys, harness.Processes(1))...)
}

func TestAccessLogByATemplateHoldsAtReload(t *testing.T) {
	app := harness.NewApp(t, "node")
	file := filepath.Join(t.TempDir(), "access.log")
	p := harness.Serve(t, harness.Options{Config: fieldsOf(file, app.Dir, "{remote} {method} {target} {status} {app} {phase} {ended_by} {header.X-Shop}")})
	pids := p.Status(t, "app").PIDs()
	harness.Ask(t, p, "GET /page?a=b HTTP/1.1\r\nHost: a\r\nX-Shop: north west\r\nConnection: close\r\n\r\n")
	if lines := logLines(t, file, 1); lines[0] != `127.0.0.1 GET /page?a=b 200 app done app north west` {
		t.Errorf("the line is %q", lines[0])
	}

	text, err := os.ReadFile(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(format string) {
		t.Helper()
		changed := regexp.MustCompile(`access_log_format = '.*'`).ReplaceAllLiteralString(string(text), `access_log_format = '`+format+`'`)
		if err := os.WriteFile(p.Config, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rewrite("{remote} {statsu}")
	if r := p.Run(t.Context(), "reload"); r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, `did you mean {status}?`) {
		t.Errorf("a bad template is taken, with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	rewrite("{status} took {duration_ms} ms, {first_byte_ms} of them for pid {pid}")
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Fatalf("the reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	harness.Get(t, p, "/slow?ms=50")
	want := regexp.MustCompile(`^200 took \d+\.\d{3} ms, \d{2,}\.\d{3} of them for pid (\d+)$`)
	if lines := logLines(t, file, 2); !want.MatchString(lines[1]) {
		t.Errorf("the line is %q", lines[1])
	}
	if now := p.Status(t, "app").PIDs(); !slices.Equal(now, pids) {
		t.Errorf("the reload has replaced processes %v by %v", pids, now)
	}
}

func TestSlowRequestsAndTracesOfARealApp(t *testing.T) {
	app := harness.NewApp(t, "node")
	file := filepath.Join(t.TempDir(), "access.log")
	p := harness.Serve(t, harness.Options{Config: fieldsOf(file, app.Dir, "json", `slow_request = "200ms"`, `traceparent = "make"`)})
	answer := harness.Get(t, p, "/headers")
	var told map[string]string
	if err := json.Unmarshal([]byte(answer.Body), &told); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(logLines(t, file, 1)[0]), &line); err != nil {
		t.Fatal(err)
	}
	if parts := strings.Split(told["traceparent"], "-"); len(parts) != 4 || parts[1] != line["trace_id"] || line["trace_id"] == "" {
		t.Errorf("the app was told %q, and the log has %v", told["traceparent"], line["trace_id"])
	}

	harness.Get(t, p, "/slow?ms=400&secret=1")
	harness.Eventually(t, harness.Patience, "the slow request is in purser's log", func() bool {
		return len(p.Log.Lines("request was slow")) == 1
	})
	slow := p.Log.Lines("request was slow")[0]
	if !regexp.MustCompile(`\[WARN\] .* app=app took="\d+ m?s" .* queue="0 s" .* first-byte="\d+ m?s" .* status=200 .* request="GET /slow"`).MatchString(slow) {
		t.Errorf("the line is %s", slow)
	}
	if strings.Contains(slow, "secret") {
		t.Errorf("the log shows a query: %s", slow)
	}
}
