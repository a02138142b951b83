package operators

import (
	"strings"
	"testing"

	"purser/test/harness"
)

func TestStatusShowsWhatWaitsInFiles(t *testing.T) {
	p, _ := harness.ServeNode(t)
	if text := p.Run(harness.Within(t), "status").Stdout; strings.Contains(text, "Spool") {
		t.Errorf("nothing waits, and the status says\n%s", text)
	}
	upload := harness.Dial(t, p)
	upload.Send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("x", 2_500_000))
	var status struct {
		Spool struct {
			Held  int64 `json:"held"`
			Limit int64 `json:"limit"`
		} `json:"spool"`
	}
	harness.Eventually(t, harness.Patience, "the upload waits in a file", func() bool {
		p.AdminJSON(t, "/v1/status", &status)
		return status.Spool.Held > 2_000_000
	})
	if status.Spool.Limit < status.Spool.Held {
		t.Errorf("%d bytes are held, and %d may be", status.Spool.Held, status.Spool.Limit)
	}
	if text := p.Run(harness.Within(t), "status").Stdout; !strings.Contains(text, "Spool         : 2M of ") {
		t.Errorf("the upload waits, and the status says\n%s", text)
	}
	metrics := p.AdminRequest(t, "GET", "/metrics", nil).Body
	for _, name := range []string{"\npurser_spool_bytes 2.", "\npurser_spool_limit_bytes ", "\npurser_faults_total 0\n"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("the metrics have no %q", name)
		}
	}
	upload.Send(strings.Repeat("x", 500_000))
	if answer := upload.Answer("POST"); answer.Body != "bytes=3000000\n" {
		t.Errorf("the upload got %q", answer.Body)
	}
	harness.Eventually(t, harness.Patience, "nothing waits", func() bool {
		p.AdminJSON(t, "/v1/status", &status)
		return status.Spool.Held == 0
	})
}
