package client

import (
	"io"
	"net"
	"testing"
	"time"
)

const (
	get        = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	unfinished = "GET / HTTP/1.1\r\nHos"
	rest       = "t: a\r\n\r\n"
)

func TestOldestIncompleteHeadGoesFirst(t *testing.T) {
	d := newDoor(t, 0, hello)
	younger, oldest, youngest := d.call(unfinished), d.call(unfinished), d.call(unfinished)
	d.is(younger, reading, 3*time.Second)
	d.is(oldest, reading, 4*time.Second)
	d.is(youngest, reading, 0)
	turns := []*caller{oldest, younger, youngest}
	for i, next := range turns {
		if !d.Shed() {
			t.Fatal("nothing makes room")
		}
		next.expectEnd() // and not a 408: nobody has time for it
		for _, later := range turns[i+1:] {
			if later.conn.dropped.Load() {
				t.Error("a head went before its turn")
			}
		}
	}
	d.await("all are gone", func() bool { return !d.Shed() })
}

func TestConnectionsThatWereAcceptedTogetherGoInTheirOrder(t *testing.T) {
	d := newDoor(t, 0, hello)
	first, second := d.call(unfinished), d.call(unfinished)
	d.is(first, reading, 0)
	d.is(second, reading, 0)
	first.conn.since.Store(7)
	second.conn.since.Store(7)
	d.Shed()
	first.expectEnd()
	second.Write([]byte(rest))
	second.expect(200)
}

func TestHeadThatIsLateGoesBeforeIdleConnectionsAndThoseBeforeOneThatIsNot(t *testing.T) {
	d := newDoor(t, 0, hello)
	kept, late, quick := d.call(get), d.call(unfinished), d.call(unfinished)
	kept.expect(200)
	d.is(kept, idle, 0)
	d.is(late, reading, 2*slowHead)
	d.is(quick, reading, 0)
	d.Shed()
	late.expectEnd()
	kept.Write([]byte(get))
	kept.expect(200)
	d.is(kept, idle, 0)
	d.Shed()
	kept.expectEnd()
	quick.Write([]byte(rest))
	quick.expect(200)
}

func TestClientThatHasJustConnectedMaySpeakFirst(t *testing.T) {
	d := newDoor(t, 0, hello)
	c := d.call("")
	if d.Shed() {
		t.Error("it was turned away")
	}
	c.Write([]byte(get))
	c.expect(200)
	silent := d.call("")
	d.is(silent, expecting, 2*slowHead)
	d.Shed()
	silent.expectEnd()
}

func TestNewConnectionsTakeThePlaceOfIncompleteHeads(t *testing.T) {
	const most = 4
	d := newDoor(t, most, hello)
	for range 5 * most {
		c := d.call(unfinished)
		d.is(c, reading, 2*slowHead)
	}
	for range most {
		d.call(get).expect(200)
	}
	d.await("there are no more than may be", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.count <= most
	})
}

func TestWhoeverFindsNoRoomIsTurnedAwayAndToldSo(t *testing.T) {
	const most = 2
	begun, goOn := make(chan struct{}, 10*most), make(chan struct{})
	d := newDoor(t, most, func(c Call, bad error) {
		begun <- struct{}{}
		<-goOn
		hello(c, bad)
	})
	var busy []*caller
	for range 2 * most {
		busy = append(busy, d.call(get))
		<-begun
	}
	for range 3 {
		away, err := net.Dial("tcp", d.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if said, err := io.ReadAll(away); err != nil || string(said) != noRoomAnswer {
			t.Errorf("got %q, %v", said, err)
		}
		_ = away.Close()
	}
	close(goOn)
	for _, c := range busy {
		c.expect(200)
	}
	for range 3 * most { // those are idle now
		d.call(get).expect(200)
	}
}

func TestRequestUnderWayIsNotShed(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	d := newDoor(t, 0, func(c Call, bad error) {
		close(begun)
		<-goOn
		hello(c, bad)
	})
	c := d.call(get)
	<-begun
	if d.Shed() {
		t.Error("a request made room")
	}
	close(goOn)
	c.expect(200)
}
