package proxy

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"purser/proxy/wire"
)

func getOf(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }

func TestAnyCallIsAnsweredByTheApp(t *testing.T) {
	for _, c := range []struct {
		name, method, answer string
		status               int
		length               int64
		content              string
	}{
		{"with a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 200, 5, "hello"},
		{"in chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, -1, "hello"},
		{"to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n", 200, 5, ""},
		{"to HEAD, without a length", "HEAD", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", 200, -1, ""},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nX: y\r\n\r\n", 304, 5, ""},
		{"204", "GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", 204, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, answering(c.answer), nil)
			call := f.call(c.method + " / HTTP/1.1\r\nHost: a\r\n\r\n").serve()
			call.expect(c.status, c.content)
			if call.length != c.length || call.fields["X"] != "y" {
				t.Errorf("length %d and fields %v, want %d and X", call.length, call.fields, c.length)
			}
			for _, name := range []string{"Content-Length", "Transfer-Encoding", "Connection", "Date"} {
				if value, ok := call.fields[name]; ok {
					t.Errorf("%s: %s is the affair of HTTP/1.1", name, value)
				}
			}
		})
	}
}

func TestAnyCallMayHaveABody(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		_, body := c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}, nil)
	big := strings.Repeat("0123456789", 20_000)
	call := f.call("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", big, "end").serve()
	call.expect(200, big+"end")
}

func TestTrailersOfAnyCallGoBothWays(t *testing.T) {
	f := newFront(t, func(t testing.TB, c *appConn) {
		if head, body := c.request(); !strings.Contains(head, "Transfer-Encoding: chunked") || body != "body" {
			t.Errorf("the app got %q %q", head, body)
		}
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-After: all\r\n\r\n")
	}, nil)
	f.server.current.Load().routes.only.app.PassTrailers = true
	call := f.call("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "body")
	call.trailers = []wire.Field{{Name: []byte("X-Sum"), Value: []byte("1")}}
	call.serve().expect(200, "ok")
	if len(call.after) != 1 || string(call.after[0].Name) != "X-After" {
		t.Errorf("got the trailers %v", call.after)
	}
}

func TestInterimAnswersReachAnyCall(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), nil)
	call := f.call(get).serve()
	call.expect(200, "ok")
	if fmt.Sprint(call.interim) != "[103]" {
		t.Errorf("got the interim answers %v", call.interim)
	}
}

func TestAnyCallGetsFilesAndPages(t *testing.T) {
	big := strings.Repeat("0123456789", 10_000)
	f, _ := newFiles(t, nil, "small.txt", "small", "big.txt", big)
	f.call(getOf("/small.txt")).serve().expect(200, "small")
	f.call(getOf("/big.txt")).serve().expect(200, big)

	part := f.call("GET /big.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=3-5\r\n\r\n").serve()
	part.expect(206, "345")
	head := f.call("HEAD /big.txt HTTP/1.1\r\nHost: a\r\n\r\n").serve()
	if head.expect(200, ""); head.length != int64(len(big)) {
		t.Errorf("HEAD says a length of %d", head.length)
	}
	bad := f.call(get)
	f.server.newExchange().Serve(bad, &wire.Error{Status: 431, Text: "the head is too long"})
	if bad.status != 431 || !bad.last || !strings.Contains(bad.content(), "the head is too long") {
		t.Errorf("got %d %q, the last: %v", bad.status, bad.content(), bad.last)
	}
}

func TestClientThatLeavesALargeFileIsNoNews(t *testing.T) {
	f, _ := newFiles(t, nil, "big.bin", strings.Repeat("x", 20<<20))
	c := f.dial().send("%s", getOf("/big.bin"))
	if _, err := c.Peek(1); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	call := f.call(getOf("/big.bin"))
	call.leave()
	call.serve()
	if err := f.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if log := f.log.String(); strings.Contains(log, "cut short") {
		t.Errorf("the log says %s", log)
	}
}

func TestAnyCallIsCutWhereItsAppIs(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	} {
		f := newFront(t, func(_ testing.TB, c *appConn) {
			c.request()
			c.send("%s", answer)
		}, nil)
		f.call(get).serve().expectCut("hello")
	}
}

func TestCallThatCanTellNoCutIsMeasured(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		c.send("HTTP/1.0 200 OK\r\n\r\nhello")
		if strings.HasPrefix(head, "GET /leave") {
			_, _ = io.Copy(io.Discard, c.Conn)
		}
	}, nil)
	call := f.call(get)
	call.measures = func() bool { return true }
	call.serve().expect(200, "hello")
	if call.length != 5 {
		t.Errorf("a length of %d, want 5", call.length)
	}
	head := f.call("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n") // nothing tells the length of what GET would get
	head.measures = call.measures
	if head.serve().expect(200, ""); head.length != -1 {
		t.Errorf("HEAD says a length of %d", head.length)
	}
	left := f.call(getOf("/leave"))
	left.measures = func() bool { left.leave(); return true }
	left.serve().expectNothing()
	if n := f.server.Faults(); n != 0 {
		t.Errorf("%d faults of purser", n)
	}
}

// A client of an app that takes any number of requests at once is looked for, and the work for it ended.
func TestCallWhoseClientLeavesIsGivenUp(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		close(asked)
		_, _ = io.Copy(io.Discard, c.Conn)
		close(ended)
	}, nil)
	call := f.call(get)
	wait := call.begin()
	<-asked
	call.leave()
	<-ended
	wait()
	call.expectNothing()
}

// A process that takes one request at a time ends its answer, whoever has left, and is busy until then.
func TestCallWhoseClientLeavesKeepsAProcessThatTakesOneAtATimeBusy(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if head, _ := c.request(); strings.HasPrefix(head, "GET /slow") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			asked <- struct{}{}
			<-goOn
			c.send("world")
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, one)
	call := f.call(getOf("/slow"))
	wait := call.begin()
	<-asked
	<-call.starting
	call.leave()
	if p := f.group.Snapshot().Processes[0]; p.Requests != 1 {
		t.Errorf("the process counts %d requests, want that which it works on", p.Requests)
	}
	close(goOn)
	wait()
	f.call(get).serve().expect(200, "ok")
}

func TestCallWhoseClientLeavesTheQueueIsForgotten(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		close(asked)
		<-goOn
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, one)
	first, second := f.call(get), f.call(get)
	waitFirst := first.begin()
	<-asked
	waitSecond := second.begin()
	f.awaitQueue(1)
	second.leave()
	waitSecond()
	second.expectNothing()
	close(goOn)
	waitFirst()
	first.expect(200, "ok")
}

// A client that reads slowly has the rest wait in the spool; the process is free once it has given all.
func TestSlowClientOfAnyCallHoldsNoProcess(t *testing.T) {
	size := 3 << 20
	body := strings.Repeat("x", size)
	f := newFront(t, answering(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, body)), one)
	slow := f.call(get)
	slow.window = 10
	wait := slow.begin()
	slow.awaitContent("xxxxxxxxxx")
	f.await("the process is free", func() bool { return f.group.Snapshot().Processes[0].Requests == 0 })
	slow.read(size)
	wait()
	slow.expect(200, body)
}
