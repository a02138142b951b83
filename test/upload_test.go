package test

import (
	"strconv"
	"strings"
	"testing"
)

func TestUploadIsWithTheAppOnlyOnceItIsComplete(t *testing.T) {
	p, _ := serveNode(t, oneAtATime...)
	const size = 200000
	c := dial(t, p)
	c.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + string(make([]byte, size-1)))
	if a := get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("beside an unfinished upload a request got %d", a.StatusCode)
	}
	if busyProcesses(p.Status(t, "app")) != 0 {
		t.Error("an unfinished upload holds a process")
	}
	c.send("x")
	if a := c.answer("POST"); a.Body != "bytes=200000\n" {
		t.Errorf("the finished upload got %q", a.Body)
	}
}

func TestBigUploadReachesTheAppWhole(t *testing.T) {
	p, _ := serveNode(t)
	size := 20 << 20
	answer := request(t, p, "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(size)+"\r\n\r\n"+strings.Repeat("x", size))
	if answer.Body != "bytes="+strconv.Itoa(size)+"\n" {
		t.Errorf("the app got %q of %d bytes", answer.Body, size)
	}
}
