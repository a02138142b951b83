package proxy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"purser/proxy/spool"
)

func TestEventsReachAnyCallAsTheyCome(t *testing.T) {
	next, ended := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		<-next
		c.chunk("data: 2\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
		close(ended)
	}, nil)
	call := f.call(get)
	wait := call.begin()
	call.awaitContent("data: 1\n\n")
	close(next)
	call.awaitContent("data: 1\n\ndata: 2\n\n")
	if !call.lives || call.unread != spool.StreamMost {
		t.Errorf("it may last for ever: %v, with %d bytes unread", call.lives, call.unread)
	}
	call.leave()
	<-ended
	wait()
}

func TestEventStreamThatNobodyReadsIsCut(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		for {
			if _, err := fmt.Fprintf(c.Conn, "%x\r\n%s\r\n", 8<<10, strings.Repeat("x", 8<<10)); err != nil {
				return
			}
		}
	}, nil)
	call := f.call(get)
	call.window = 3
	call.serve().expectCut("xxx")
}

func TestAnyCallMayBecomeATunnel(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		c.send("%s", frameOf("hello", false))
		for got := readFrame(c.Reader); strings.HasPrefix(got, "masked 1 "); got = readFrame(c.Reader) {
			c.send("%s", frameOf(got, false))
		}
	}, nil)
	call := f.call(upgrade)
	wait := call.begin()
	<-call.starting
	if call.status != 101 || !call.lives {
		t.Fatalf("got %d, which may last for ever: %v", call.status, call.lives)
	}
	if _, err := io.WriteString(call.tunnel.clientOut, frameOf("you", true)); err != nil {
		t.Fatal(err)
	}
	_ = call.tunnel.clientOut.Close()
	got, err := io.ReadAll(call.tunnel.forTest)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wait()
	if all := call.content() + string(got); all != frameOf("hello", false)+frameOf("masked 1 you", false) {
		t.Errorf("the client got %q", all)
	}
}
