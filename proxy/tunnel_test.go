package proxy

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRestartClosesAWebSocketBetweenTwoFrames(t *testing.T) {
	heard, rest := make(chan string, 10), make(chan struct{})
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		whole := frameOf("first", false)
		c.send("%s", whole[:3])
		heard <- readFrame(c.Reader)
		heard <- readFrame(c.Reader) // the Close
		<-rest
		c.send("%s%s", whole[3:], frameOf("never seen", false))
		heard <- readFrame(c.Reader)
	}, leavesWithin(0))
	c := f.webSocket()
	c.send("%s", frameOf("hello", true))
	if got := <-heard; got != "masked 1 hello" {
		t.Fatalf("the app heard %q", got)
	}
	f.restart("/new")
	if got := <-heard; got != "masked "+closed1012 {
		t.Errorf("the app heard %q, want a masked Close", got)
	}
	close(rest)
	c.expectFrame("1 first")
	c.expectFrame(closed1012)
	c.send("\x88\x80mask") // the client's answer, at which the connection ends
	c.expectEnd()
	if got := <-heard; got != "EOF" {
		t.Errorf("the app heard %q, want the end", got)
	}
	(<-asked).Kill()
}

func TestWebSocketOfAnAppThatDiesAtOnceLivesUntilItIsDue(t *testing.T) {
	const many, window = 60, time.Second
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		c.send("%s", frameOf("hello", false))
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(window))
	var clients []*visitor
	for range many {
		c := f.webSocket()
		c.expectFrame("1 hello")
		clients = append(clients, c)
	}
	began := time.Now()
	f.restart("/new")
	ends := make(chan time.Duration, many)
	for _, c := range clients {
		go func() {
			for range 3 { // is read and dropped, or the client would be cut
				_, _ = io.WriteString(c.Conn, frameOf(strings.Repeat("x", 100), true))
			}
			if got := readFrame(c.Reader); got != closed1012 {
				t.Errorf("got %q, want %q", got, closed1012)
			}
			ends <- time.Since(began)
			_ = c.Close()
		}()
	}
	var all []time.Duration
	for range many {
		all = append(all, <-ends)
	}
	slices.Sort(all)
	if spread := all[many-1] - all[0]; spread < window/2 {
		t.Errorf("all ended within %v, want them spread over %v", spread, window)
	}
	for i := range 3 { // of random moments a third comes in each third, more or less
		from := all[0] + window*time.Duration(i)/3
		n := 0
		for _, at := range all {
			if at >= from && at < from+window/3 {
				n++
			}
		}
		if i < 2 && n < 3 {
			t.Errorf("%d of %d ended in third %d of the window: %v", n, many, i+1, all)
		}
	}
}

func TestAppThatSaysCloseItselfIsNotTalkedOver(t *testing.T) {
	leave := make(chan struct{})
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		<-leave
		c.send("\x88\x02\x03\xe9") // 1001, going away
	}, leavesWithin(time.Hour))
	c := f.webSocket()
	f.restart("/new")
	old := <-asked
	close(leave)
	c.expectFrame("8 \x03\xe9")
	c.expectEnd()
	old.Kill()
}

func TestAppThatEndsAWebSocketUnaskedIsNotSpokenFor(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		c.send("%s", frameOf("bye", false))
	}, leavesWithin(time.Hour))
	c := f.webSocket()
	c.expectFrame("1 bye")
	c.expectEnd()
}

func TestRestartLeavesWebSocketsOfTheNewProcessAlone(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		for {
			got := readFrame(c.Reader)
			if !strings.HasPrefix(got, "masked 1 ") {
				return
			}
			c.send("%s", frameOf(fmt.Sprint(c.generation, got), false))
		}
	}, leavesWithin(0))
	old := f.webSocket()
	f.restart("/new")
	old.expectFrame(closed1012)
	fresh := f.webSocket()
	for range 3 {
		fresh.send("%s", frameOf("?", true))
		fresh.expectFrame("1 2masked 1 ?")
	}
	f.restart("/newer")
	fresh.expectFrame(closed1012)
}

// TestWebSocketThatNobodyUsesHoldsNoBuffer: beside what the test's own two ends need, a WebSocket
// costs less than the buffer for one direction.
func TestWebSocketThatNobodyUsesHoldsNoBuffer(t *testing.T) {
	if raceEnabled {
		return // all is larger then
	}
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		for {
			got := readFrame(c.Reader)
			if !strings.HasPrefix(got, "masked 1 ") {
				return
			}
			c.send("%s", frameOf(got, false))
		}
	}, nil)
	const many = 300
	before := heap()
	for range many {
		c := f.webSocket()
		c.send("%s", frameOf("?", true))
		c.expectFrame("1 masked 1 ?")
	}
	if each := (heap() - before) / many; each > flowBuffer*3/4 {
		t.Errorf("a WebSocket costs %d bytes", each)
	} else {
		t.Logf("a WebSocket costs %d bytes, both ends included", each)
	}
}

// heap returns what is in use, without what is kept for use.
func heap() int {
	runtime.GC()
	runtime.GC() // the first leaves what sync.Pools hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestShutdownEndsWebSocketsThatAreNotYetDue(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(time.Hour))
	dead, alive := f.webSocket(), f.webSocket()
	f.restarted("/new") // the old process is gone, its connections are not
	fresh := f.webSocket()
	began := time.Now()
	if err := f.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > closeGrace/2 {
		t.Errorf("it took %v", took)
	}
	for _, c := range []*visitor{dead, alive, fresh} {
		if _, err := io.ReadAll(c.Reader); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}
