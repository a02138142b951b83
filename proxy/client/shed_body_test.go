package client

import (
	"errors"
	"testing"

	"golang.org/x/net/http2"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

const (
	begunBody = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nh"
	restOfIt  = "ello"
)

// taker takes the body, and says so.
func taker(c Call, bad error) {
	refusing(func(c Call, _ error) {
		var body spool.Body
		body.Init(spoolOf(c))
		defer body.Reset()
		_, err := c.TakeBody(&body, 0)
		switch {
		case errors.Is(err, ErrBodySlow):
			c.Begin(&wire.ResponseHead{Status: 408}, 0)
			_ = c.End(nil)
		case err == nil:
			give(c, 200, "taken")
		}
	})(c, bad)
}

func TestBodyThatDoesNotMoveMakesRoomAfterWhatIsIdle(t *testing.T) {
	d := newDoor(t, 0, taker)
	kept, late, stuck, quick := d.call(get), d.call(unfinished), d.call(begunBody), d.call(unfinished)
	kept.expect(200)
	d.is(kept, idle, 0)
	d.is(late, reading, 2*slowHead)
	d.is(stuck, taking, 2*slowBody)
	d.is(quick, reading, 0)
	d.Shed()
	late.expectEnd()
	d.Shed()
	kept.expectEnd()
	d.Shed()
	stuck.expect(408)
	stuck.expectEnd()
	quick.Write([]byte(rest))
	quick.expect(200)
}

func TestBodyThatHasNotMovedForTheLongestTimeGoesFirst(t *testing.T) {
	d := newDoor(t, 0, taker)
	younger, oldest, youngest := d.call(begunBody), d.call(begunBody), d.call(begunBody)
	d.is(younger, taking, 2*slowBody)
	d.is(oldest, taking, 3*slowBody)
	d.is(youngest, taking, slowBody/2)
	d.Shed()
	oldest.expect(408)
	d.Shed()
	younger.expect(408)
	if d.Shed() {
		t.Error("a body that has not been still for long made room")
	}
	youngest.Write([]byte(restOfIt))
	youngest.expect(200)
}

func TestBodyThatHasMovedLatelyIsLeft(t *testing.T) {
	d := newDoor(t, 0, taker)
	c := d.call(begunBody)
	d.is(c, taking, 2*slowBody)
	before := c.conn.since.Load()
	c.Write([]byte("e"))
	d.await("it has moved", func() bool { return c.conn.since.Load() != before && c.conn.present() == taking })
	if d.Shed() {
		t.Error("it made room")
	}
	c.Write([]byte("llo"))
	c.expect(200)
	d.is(c, idle, 0)
	c.Write([]byte(get)) // it is kept
	c.expect(200)
}

func TestStreamsWhoseBodiesDoNotMoveMakeRoomTogether(t *testing.T) {
	goOn := make(chan struct{})
	h := open(t, func(c Call, bad error) {
		if string(c.Request().Method) == "GET" {
			<-goOn
		}
		taker(c, bad)
	})
	p := h.dial2()
	p.ask(1, false, post()...).send(p.WriteData(1, false, []byte("he")))
	p.ask(3, false, post()...).ask(5, true, plainGet...)
	h.await(serving, 1)
	if h.conns.Shed() {
		t.Error("a connection made room on which an answer is awaited")
	}
	close(goOn)
	p.expect(5, 200, "taken")
	h.await(taking, 1)
	if h.conns.Shed() {
		t.Error("bodies that have just been begun made room")
	}
	h.conns.each(func(c *conn) { c.since.Add(-int64(2 * slowBody)) })
	if !h.conns.Shed() {
		t.Error("bodies that do not move made no room")
	}
	p.expect(1, 408, "")
	p.expect(3, 408, "")
	p.expectAway(http2.ErrCodeNo)
}

func TestStreamWhoseBodyMovesKeepsItsConnection(t *testing.T) {
	h := open(t, taker)
	p := h.dial2()
	p.ask(1, false, post()...).ask(3, false, post()...)
	h.await(taking, 1)
	old := h.conns.Sweeper.Clock.Now() - int64(2*slowBody)
	h.conns.each(func(c *conn) { c.since.Store(old) })
	p.send(p.WriteData(3, false, []byte("h")))
	moved := func() (so bool) {
		h.conns.each(func(c *conn) { so = c.since.Load() != old && c.present() == taking })
		return so
	}
	h.until("it has moved", moved)
	if h.conns.Shed() {
		t.Error("it made room")
	}
	p.send(p.WriteData(1, true, nil)).send(p.WriteData(3, true, nil))
	p.expect(1, 200, "taken")
	p.expect(3, 200, "taken")
}
