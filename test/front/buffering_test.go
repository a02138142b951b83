package front

import (
	"strconv"
	"testing"

	"purser/test/harness"
)

// An upload that is passed on while it comes is with one process from its beginning, which a restart lets end it.
func TestUploadThatIsPassedOnWhileItComesOutlivesARestart(t *testing.T) {
	p, app := harness.ServeNode(t, `buffer_request = false`)
	const size = 200000
	c := harness.Dial(t, p)
	c.Send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + string(make([]byte, size-1)))
	harness.Eventually(t, harness.Patience, "a process has the upload", func() bool { return busyProcesses(p.Status(t, "app")) == 1 })
	app.Touch()
	harness.Eventually(t, harness.Patience, "the new code serves", func() bool {
		ready := p.Status(t, "app").Ready()
		return len(ready) > 0 && ready[0].Generation == 2
	})
	c.Send("x")
	if a := c.Answer("POST"); a.Body != "bytes=200000\n" {
		t.Errorf("the finished upload got %q", a.Body)
	}
	harness.AwaitRestart(t, p, "app", 2)
}
