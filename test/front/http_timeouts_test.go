package front

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// These rules are about time: each test waits for a deadline of purser's, all at once.
func TestSlowHTTPCases(t *testing.T) {
	app := harness.NewApp(t, "node")
	log := filepath.Join(app.Dir, "access.log")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable(`access_log = "`+log+`"`) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	t.Run("all", func(t *testing.T) {
		t.Run("67 head one byte at a time is 408", func(t *testing.T) { t.Parallel(); slowHead(t, p) })
		t.Run("67 silence is closed without a word", func(t *testing.T) { t.Parallel(); silence(t, p) })
		t.Run("69 stalled body is 408", func(t *testing.T) { t.Parallel(); stalledBody(t, p) })
		t.Run("70 client that stops reading is cut off", func(t *testing.T) { t.Parallel(); stalledReader(t, p) })
	})
	if seen := harness.Get(t, p, "/seen").Body; strings.Contains(seen, "/count") {
		t.Errorf("the app was given an unfinished body: %s", seen)
	}
	text, err := os.ReadFile(log)
	if n := strings.Count(string(text), " 408 "); err != nil || n != 2 {
		t.Errorf("the access log has %d lines with 408, not 2 (%v):\n%s", n, err, text)
	}
}

func TestClosedInsideABodyIsNeverGivenToTheApp(t *testing.T) {
	p, file := serveLogged(t, "combined")
	for _, head := range []string{post11 + "Content-Length: 10\r\n\r\nab", chunked + "\r\n5\r\nab"} {
		c := harness.Dial(t, p)
		c.Send(strings.Replace(head, "POST / ", "POST /count ", 1))
		_ = c.Net.Close()
	}
	for _, line := range logLines(t, file, 2) {
		if !strings.Contains(line, " 499 ") && !strings.Contains(line, " 408 ") {
			t.Errorf("the lost upload is not logged as 499 or 408: %s", line)
		}
	}
	if seen := harness.Get(t, p, "/seen").Body; strings.Contains(seen, "/count") {
		t.Errorf("the app was given an unfinished body: %s", seen)
	}
}

func slowHead(t *testing.T, p *harness.Purser) {
	c := patient(t, p)
	stop := make(chan struct{})
	defer close(stop)
	go drip(c, "GET / HTTP/1.1\r\nHost: a.test\r\nX: "+strings.Repeat("x", 100), stop)
	begin := time.Now()
	a := c.Answer("GET")
	if a.StatusCode != 408 {
		t.Errorf("answered %d, not 408", a.StatusCode)
	}
	if took := time.Since(begin); took < 10*time.Second || took > 25*time.Second {
		t.Errorf("the head was given up after %v, not about 15 s", took)
	}
}

// drip sends one byte per second: a deadline that each byte puts off would never come.
func drip(c *harness.Conn, text string, stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range len(text) {
		if _, err := io.WriteString(c.Net, text[i:i+1]); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

func silence(t *testing.T, p *harness.Purser) {
	c := patient(t, p)
	if text, err := io.ReadAll(c.In); len(text) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q (%v), not a silent close", text, err)
	}
}

func stalledBody(t *testing.T, p *harness.Purser) {
	c := patient(t, p)
	c.Send("POST /count HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nab")
	if a := c.Answer("POST"); a.StatusCode != 408 {
		t.Errorf("answered %d, not 408", a.StatusCode)
	}
}

// stalledReader asks for more than the kernel takes and reads nothing. That purser gave up shows
// when the connection takes nothing more either.
func stalledReader(t *testing.T, p *harness.Purser) {
	const size = 64 << 20
	conn := harness.DialSlowly(t, p)
	defer conn.Close()
	harness.SendAll(t, conn, "GET /big?bytes=67108864 HTTP/1.1\r\nHost: a.test\r\n\r\n")
	harness.Eventually(t, 90*time.Second, "the client that does not read is cut off", func() bool {
		_, err := conn.Write([]byte("x"))
		return err != nil
	})
	_ = conn.SetReadDeadline(time.Now().Add(harness.Patience))
	if n, _ := io.Copy(io.Discard, conn); n >= size {
		t.Errorf("a client that did not read still got all %d bytes", n)
	}
}

// patient is a connection with time for purser's longest deadline.
func patient(t *testing.T, p *harness.Purser) *harness.Conn {
	c := harness.Dial(t, p)
	c.Patience = 90 * time.Second
	_ = c.Net.SetDeadline(time.Now().Add(c.Patience))
	return c
}
