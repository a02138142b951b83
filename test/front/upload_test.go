package front

import (
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

func TestUploadIsWithTheAppOnlyOnceItIsComplete(t *testing.T) {
	p, _ := harness.ServeNode(t, oneAtATime...)
	const size = 200000
	c := harness.Dial(t, p)
	c.Send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + string(make([]byte, size-1)))
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("beside an unfinished upload a request got %d", a.StatusCode)
	}
	if busyProcesses(p.Status(t, "app")) != 0 {
		t.Error("an unfinished upload holds a process")
	}
	c.Send("x")
	if a := c.Answer("POST"); a.Body != "bytes=200000\n" {
		t.Errorf("the finished upload got %q", a.Body)
	}
}

func TestBigUploadReachesTheAppWhole(t *testing.T) {
	p, _ := harness.ServeNode(t)
	size := 20 << 20
	answer := harness.Ask(t, p, "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(size)+"\r\n\r\n"+strings.Repeat("x", size))
	if answer.Body != "bytes="+strconv.Itoa(size)+"\n" {
		t.Errorf("the app got %q of %d bytes", answer.Body, size)
	}
}
