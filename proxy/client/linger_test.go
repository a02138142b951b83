package client

import (
	"io"
	"testing"
	"time"
)

const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"

func TestSoManyLingerAndTheOldestGoesFirst(t *testing.T) {
	const others = mostLingering - 3 // which would not linger for as long as it takes to let so many come
	d := newDoor(t, 0, refuse)
	d.lingering.Add(others)
	defer d.lingering.Add(-others)
	oldest := d.call(upload)
	d.is(oldest, lingering, time.Minute)
	second := d.call(upload)
	d.is(second, lingering, 30*time.Second)
	d.is(d.call(upload), lingering, 0)
	if oldest.conn.dropped.Load() {
		t.Fatalf("fewer than %d may linger", mostLingering)
	}
	last := d.call(upload)
	d.is(last, lingering, 0)
	d.await("the oldest was closed", oldest.conn.dropped.Load)
	if second.conn.dropped.Load() || last.conn.dropped.Load() {
		t.Error("so was another")
	}
	second.expect(413)
}

func TestOneMoreThatLingersWhileAllLeaveDoesNoHarm(t *testing.T) {
	d := newDoor(t, 0, refuse)
	d.lingering.Store(mostLingering) // they have been told to go, and have not yet
	c := d.call(upload)
	c.expect(413)
	d.await("its fault is seen, or its end", func() bool { return d.Faults() > 0 || c.conn.dropped.Load() })
	if d.Faults() > 0 {
		t.Error("it was ended by a fault")
	}
	d.lingering.Add(-mostLingering)
}

func TestStopDoesNotWaitForThoseThatLinger(t *testing.T) {
	d := newDoor(t, 0, refuse)
	c := d.call(upload)
	d.is(c, lingering, 0)
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		_, _ = io.Copy(c.Conn, neverEnding{})
	}()
	d.Stop()
	if err := d.Await(t.Context()); err != nil {
		t.Error(err)
	}
	begin := time.Now()
	d.Close()
	if took := time.Since(begin); took > lingerSilence/2 {
		t.Errorf("it took %v to close what lingers", took)
	}
	<-sending
}

func TestFurtherRequestThatIsNotReadDoesNotTakeTheAnswerAway(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	d := newDoor(t, 0, func(c Call, bad error) {
		close(begun)
		<-goOn
		c.Last()
		hello(c, bad)
	})
	c := d.call(get)
	<-begun
	c.Write([]byte(get))
	close(goOn)
	d.is(c, lingering, 0)
	c.expect(200)
	c.expectEnd()
	_ = c.Close()
	d.await("it has ended", func() bool { return d.newest() == nil })
}

func TestRefusalDuringAStopIsRead(t *testing.T) {
	busy, goOn := make(chan struct{}), make(chan struct{})
	d := newDoor(t, 0, func(c Call, bad error) {
		if c.Request().Length == 0 {
			close(busy)
			<-goOn
		}
		refuse(c, bad)
	})
	late := d.call("POST / HTTP/1.1\r\n")
	d.is(late, reading, 0)
	d.call(get)
	<-busy
	d.Stop() // which waits for the other request
	late.Write([]byte("Host: a\r\nContent-Length: 10000000\r\n\r\n"))
	d.is(late, lingering, 0)
	if _, err := io.CopyN(late.Conn, neverEnding{}, 10_000_000); err != nil {
		t.Error(err)
	}
	late.expect(413)
	close(goOn)
}

// neverEnding is what a client goes on sending.
type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }
