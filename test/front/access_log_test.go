package front

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"purser/test/harness"
)

const logged = "GET /slow?ms=1&q=%22 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: tester/1 \"quoted\"\r\nReferer: http://from.test/\r\nConnection: close\r\n\r\n"

var combinedLine = regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ` +
	`"GET /slow\?ms=1&q=%22 HTTP/1\.1" 200 \d+ "http://from\.test/" "tester/1 (\\"|\\x22)quoted(\\"|\\x22)"`)

func TestAccessLogCombined(t *testing.T) {
	p, file := serveLogged(t, "combined")
	harness.Ask(t, p, logged)
	logLines(t, file, 1) // it is written after the answer
	harness.Ask(t, p, "BAD\r\n\r\n")
	lines := logLines(t, file, 2)
	if !combinedLine.MatchString(lines[0]) {
		t.Errorf("not a line of the combined format: %s", lines[0])
	}
	if !strings.Contains(lines[1], " 400 ") {
		t.Errorf("the refused request is not logged as 400: %s", lines[1])
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("the access log is open to everybody: %v %v", info.Mode(), err)
	}
}

func TestAccessLogJSON(t *testing.T) {
	p, file := serveLogged(t, "json")
	harness.Ask(t, p, logged)
	logLines(t, file, 1) // it is written after the answer
	harness.Ask(t, p, "BAD\r\n\r\n")
	lines := logLines(t, file, 2)
	for n, want := range []float64{200, 400} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[n]), &line); err != nil {
			t.Fatalf("not JSON: %v: %s", err, lines[n])
		}
		if line["status"] != want {
			t.Errorf("the status is %v, not %v: %s", line["status"], want, lines[n])
		}
	}
}

func serveLogged(t *testing.T, format string) (*harness.Purser, string) {
	app := harness.NewApp(t, "node")
	file := filepath.Join(app.Dir, "access.log")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(`access_log = "`+file+`"`, `access_log_format = "`+format+`"`) +
		harness.AppTable("app", app.Dir, harness.Processes(1))})
	return p, file
}

// logLines waits for n lines.
func logLines(t *testing.T, file string, n int) []string {
	t.Helper()
	var lines []string
	harness.Eventually(t, harness.Patience, "the lines are in the access log", func() bool {
		text, err := os.ReadFile(file)
		lines = strings.Split(strings.TrimSpace(string(text)), "\n")
		return err == nil && strings.Count(string(text), "\n") == n
	})
	return lines
}
