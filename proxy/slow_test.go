package proxy

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// slowAfter has requests logged that take longer.
func slowAfter(d time.Duration) change {
	return func(_ *conf.Server, a *conf.App) { a.SlowRequest = d }
}

// patient is an app that answers /slow only when it is told to, and all else at once.
func patient(goOn <-chan struct{}) script {
	return func(_ testing.TB, c *appConn) {
		for head, _ := c.request(); head != ""; head, _ = c.request() {
			if strings.HasPrefix(head, "GET /slow") {
				<-goOn
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

func TestTimersOfTheAccessLogSayWhereTheTimeWent(t *testing.T) {
	goOn := make(chan struct{})
	f, log := newLogged(t, "json", patient(goOn), busy(2))
	first := f.dial().send("%s", asks("/slow"))
	f.await("the process is busy", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	second := f.dial().send("%s", asks("/second"))
	f.awaitQueue(1)
	const waited = 50 // ms
	f.server.clockAdvances(t, waited*time.Millisecond)
	goOn <- struct{}{}
	first.expect(200, "ok")
	second.expect(200, "ok")
	for range 2 {
		line := log.line()
		ms := func(name string) float64 { return line[name].(float64) }
		parts := ms("receive_ms") + ms("queue_ms") + ms("connect_ms") + ms("first_byte_ms")
		if parts > ms("duration_ms")+0.01 || ms("connect_ms") < 0 || ms("first_byte_ms") < 0 {
			t.Errorf("more than all of the time, or less than none: %v", line)
		}
		waits := map[any]string{"/slow": "first_byte_ms", "/second": "queue_ms"}[line["target"]]
		if ms(waits) < waited {
			t.Errorf("%s is not the wait of %d ms: %v", waits, waited, line)
		}
	}
}

func TestSlowRequestIsInTheLogWithItsTimers(t *testing.T) {
	goOn := make(chan struct{}, 1)
	f := newFront(t, patient(goOn), slowAfter(100*time.Millisecond))
	f.dial().send("%s", asks("/quick")).expect(200, "ok")
	c := f.dial().send("%s", asks("/slow?secret=1"))
	f.await("the app has it", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	f.server.clockAdvances(t, 100*time.Millisecond)
	goOn <- struct{}{}
	c.expect(200, "ok")
	f.expectLog("[WARN]", "request was slow", "app=app", "took=", "queue=0s", "first-byte=", "send=", "pid=1", "status=200", "phase=done", "ended-by=app", "request-id=", "GET /slow")
	if log := f.log.String(); strings.Contains(log, "secret") || strings.Count(log, "was slow") != 1 {
		t.Error("the log shows a query, or requests that were quick")
	}
}

// clockAdvances waits until so much has passed on the clock that requests are timed by.
func (s *Server) clockAdvances(t *testing.T, d time.Duration) {
	t.Helper()
	until := s.clock.Exact() + int64(d)
	for s.clock.Exact() <= until {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(time.Duration(until - s.clock.Exact())):
		}
	}
}

func TestSlowRequestIsAlwaysInTheSample(t *testing.T) {
	f, log := newLogged(t, "{target}", hello, all(slowAfter(1), func(s *conf.Server, _ *conf.App) { s.AccessLogSample = 0 }))
	f.dial().send("%s", asks("/slow")).expect(200, "hello")
	if line := log.next(); line != "/slow" {
		t.Errorf("%q", line)
	}
}

func TestWhatMayLastForEverIsNotSlow(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		switch {
		case strings.Contains(head, "Upgrade"):
			c.send(upgraded)
		case greeting(c, head):
		default:
			c.send(eventStreamHead + "0\r\n\r\n")
		}
	}, slowAfter(1))
	f.webSocket().expectEnd()
	f.dial().send("%s", asks("/events")).expect(200, "")
	f.dial().send("%s", asks("/page")).expect(200, "hello")
	f.expectLog("was slow", "GET /page")
	if n := strings.Count(f.log.String(), "was slow"); n != 1 {
		t.Errorf("%d were slow, want the page only", n)
	}
}

// Nobody can fill the log.
func TestSlowRequestsHaveARation(t *testing.T) {
	f := newFront(t, hello, slowAfter(1))
	c := f.dial()
	began := f.server.clock.Exact()
	const asked = 500
	for range asked {
		c.send(get).expect(200, "hello")
	}
	seconds := int((f.server.clock.Exact()-began)/int64(time.Second)) + 2
	if n := strings.Count(f.log.String(), "was slow"); n == 0 || n > linesPerSecond*seconds || n == asked {
		t.Errorf("%d lines of %d requests in %d seconds", n, asked, seconds)
	}
}
