package reload

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// Keys of [server] hold at once as well, for what comes from then on.
func TestServerKeysHoldAtOnce(t *testing.T) {
	l := newLand(t, "blog")
	pids := l.pids("blog")
	load := l.load("blog", 100)
	folder := t.TempDir()
	access, metrics, moved := filepath.Join(folder, "access.log"), harness.FreeAddr(), harness.FreeAddr()
	if l.speaksHTTP2() {
		t.Error("HTTP/2 is spoken without h2c")
	}

	l.server = []string{"h2c = true", fmt.Sprintf("metrics = %q", metrics), `log_format = "json"`, fmt.Sprintf("access_log = %q", access), `log_max_size = "64KiB"`, "log_keep = 1"}
	harness.MustSay(t, l.reloads(0).Stdout, "[server]: changed: ", "h2c", "metrics", "log_format", "log_max_size", "log_keep")
	if !l.speaksHTTP2() {
		t.Error("HTTP/2 is not spoken, in spite of h2c")
	}
	if lines := l.p.Log.Lines(`"@message":"configuration read again"`); len(lines) != 1 || !strings.HasPrefix(lines[0], "{") {
		t.Errorf("the log is not in JSON:\n%s", l.p.Log.Tail(10))
	}
	l.get("blog")
	harness.Eventually(t, harness.Patience, "requests are counted", func() bool { return strings.Contains(readFrom(metrics), `purser_requests_total{app="blog"`) })
	stay := l.webSocket(l.p.Addr, "blog")
	agent := strings.Repeat("x", 4000)
	harness.Eventually(t, harness.Patience, "the access log is moved aside", func() bool {
		harness.Ask(t, l.p, "GET / HTTP/1.1\r\nHost: blog\r\nUser-Agent: "+agent+"\r\nConnection: close\r\n\r\n")
		found, _ := filepath.Glob(folder + "/*")
		return len(found) == 2
	})

	l.server = []string{fmt.Sprintf("metrics = %q", moved)}
	harness.MustSay(t, l.reloads(0).Stdout, "[server]: changed: ", "metrics", "access_log")
	if l.speaksHTTP2() || !strings.Contains(readFrom(moved), "purser_requests_total") || readFrom(metrics) != "" {
		t.Error("what was set back is not as before")
	}
	harness.Eventually(t, harness.Patience, "the file of the access log is closed", func() bool { return !l.opens(access) })
	stay.Net.Close()
	harness.Eventually(t, harness.Patience, "a request that began before is in its log", func() bool {
		text, _ := os.ReadFile(access)
		return strings.Contains(string(text), `"GET /ws HTTP/1.1" 101`)
	})

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	l.server = []string{fmt.Sprintf("metrics = %q", taken.Addr()), "h2c = true"}
	harness.MustSay(t, l.reloads(2).Stderr, "the metrics: ", taken.Addr().String())
	if l.speaksHTTP2() || readFrom(moved) == "" {
		t.Error("a configuration that cannot be used has changed something")
	}
	l.server = nil
	harness.MustSay(t, l.reloads(0).Stdout, "[server]: changed: metrics")
	if readFrom(moved) != "" {
		t.Error("metrics are still there")
	}
	harness.MustNotFail(t, load.End())
	if now := l.pids("blog"); fmt.Sprint(now) != fmt.Sprint(pids) {
		t.Errorf("the app had %v and has %v", pids, now)
	}
}

// readFrom is what metrics at an address say, "" if nobody is there.
func readFrom(address string) string {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	a, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body)
	return string(text)
}

// speaksHTTP2 reports whether a new connection may begin with HTTP/2.
func (l *land) speaksHTTP2() bool {
	l.t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://"+l.p.Addr+"/", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	request.Host = "blog"
	a, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	a.Body.Close()
	return a.ProtoMajor == 2
}

// opens reports whether purser has a file open.
func (l *land) opens(path string) bool {
	l.t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", l.p.Cmd.Process.Pid))
	if err != nil || len(open) == 0 {
		l.t.Fatalf("what purser has open cannot be seen: %v", err)
	}
	for _, fd := range open {
		if target, _ := os.Readlink(fd); target == path {
			return true
		}
	}
	return false
}
