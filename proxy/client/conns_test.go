package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"purser/proxy/wire"
)

func TestShedEndsWhatIsIdleFirst(t *testing.T) {
	h := open(t, telling)
	waits, half := h.dial(), h.dial().send("GET /half HTTP/1.1\r\n")
	waits.send("%s", getting("/a")).expect(200, "/a")
	h.await(idle, 1)
	h.await(reading, 1)
	h.conns.Shed()
	waits.expectEnd()
	half.send("Host: a\r\n\r\n").expect(200, "/half")
}

func TestShedEndsTheOldestHeadWhereNothingIsIdle(t *testing.T) {
	h := open(t, telling)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go h.conns.Sweeper.Run(ctx) // the clock moves
	oldest := h.dial().send("GET /oldest HTTP/1.1\r\n")
	h.await(reading, 1)
	began := h.conns.Sweeper.Clock.Now()
	h.until("the clock moved", func() bool { return h.conns.Sweeper.Clock.Now() > began })
	younger := h.dial().send("GET /younger HTTP/1.1\r\n")
	h.await(reading, 2)
	h.conns.Shed()
	oldest.expectEnd()
	younger.send("Host: a\r\n\r\n").expect(200, "/younger")
}

// A connection that was to be dropped, and got a request at that moment, is as good as others after it.
func TestConnectionThatWasToGoMaySoonBeTheOldest(t *testing.T) {
	h := open(t, telling)
	g := h.dial().send("%s", getting("/a"))
	g.expect(200, "/a")
	h.await(idle, 1)
	h.conns.each(func(c *conn) { c.dropped.Store(true) }) // and the request comes before the wake
	g.send("GET /half HTTP/1.1\r\n")
	h.await(reading, 1)
	if h.conns.oldest(func(c *conn) bool { return c.present() == reading }) == nil {
		t.Error("it is passed over")
	}
}

// A stop closes what is idle at once and the others after what they are at; what may last for ever is not
// waited for.
func TestStop(t *testing.T) {
	at, goOn := make(chan struct{}, 2), make(chan struct{})
	h := open(t, func(c Call, bad error) {
		switch string(c.Request().Path) {
		case "/serving":
			at <- struct{}{}
			<-goOn
		case "/for-ever":
			c.LongLived(1 << 20)
			c.Begin(&wire.ResponseHead{Status: 200}, -1)
			c.Write([]byte("event"))
			_ = c.Flush()
			at <- struct{}{}
			<-goOn
			c.Cut()
			return
		}
		telling(c, bad)
	})
	quiet, half, busy, stream := h.dial(), h.dial().send("GET /half HTTP/1.1\r\n"), h.dial().send("%s", getting("/serving")), h.dial().send("%s", getting("/for-ever"))
	<-at
	<-at
	h.await(expecting, 1)
	h.await(reading, 1)

	h.conns.Stop()
	quiet.expectEnd()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no more time"))
	if err := h.conns.Await(ctx); err == nil {
		t.Error("nothing is waited for, with a request under way")
	}
	half.send("Host: a\r\n\r\n")
	if res := half.expect(200, "/half"); !res.Close {
		t.Error("an answer during the stop does not say that it is the last")
	}
	half.expectEnd()
	close(goOn)
	busy.expect(200, "/serving")
	busy.expectEnd()
	if err := h.conns.Await(t.Context()); err != nil {
		t.Error(err)
	}
	h.conns.Close()
	stream.expectCut()
}

// An answer that only the end of its connection ends must not seem whole.
func TestAnswerThatAStopCutsIsReset(t *testing.T) {
	const old = "GET / HTTP/1.0\r\n\r\n"
	for name, waits := range map[string]func(Call){
		"waiting for the app":    func(c Call) { ctx, end := c.Present(); <-ctx.Done(); end(); c.Cut() },
		"waiting for the client": func(c Call) { c.Write(make([]byte, 64<<20)); _ = c.End(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			at := make(chan struct{})
			h := open(t, func(c Call, _ error) {
				c.Begin(&wire.ResponseHead{Status: 200}, -1)
				c.Write([]byte("half"))
				_ = c.Flush()
				close(at)
				waits(c)
			})
			g := h.dial().send(old)
			<-at
			h.conns.Stop()
			h.conns.Close()
			g.expectCut()
		})
	}
}

// A head that is coming in has a moment to do so.
func TestStopDoesNotWaitForHeadsThatDoNotCome(t *testing.T) {
	h := open(t, func(c Call, bad error) {
		if errors.Is(bad, ErrStopping) {
			give(c, 503, bad.Error())
			return
		}
		telling(c, bad)
	})
	never, soon := h.dial().send("GET /never HTTP/1.1\r\n"), h.dial().send("GET /soon HTTP/1.1\r\n")
	h.await(reading, 2)
	h.conns.Stop()
	clock := h.conns.Sweeper.Clock
	h.until("both hurry", func() bool {
		armed := h.conns.Sweeper.Deadlines()
		return len(armed) == 2 && armed[0] <= clock.In(stoppedHead) && armed[1] <= clock.In(stoppedHead)
	})
	soon.send("Host: a\r\n\r\n").expect(200, "/soon")
	h.until("only the other is left", func() bool { return h.count() == 1 })
	h.conns.Sweeper.Sweep(clock.In(stoppedHead))
	never.expect(503, ErrStopping.Error())
	if err := h.conns.Await(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStopEndsLingering(t *testing.T) {
	h := open(t, func(c Call, _ error) { give(c, 413, "too large") })
	g := h.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
	g.expect(413, "too large")
	h.await(lingering, 1)
	h.conns.Stop()
	h.until("it has gone", func() bool { return h.conns.lingering.Load() == 0 })
}

func TestStopThatHasBegunDoesNotWaitForWhatBecomesLongLived(t *testing.T) {
	at, goOn := make(chan struct{}), make(chan struct{})
	h := open(t, func(c Call, _ error) {
		at <- struct{}{}
		<-goOn
		c.LongLived(1 << 20)
		<-at
	})
	h.dial().send("%s", getting("/"))
	<-at
	h.conns.Stop()
	close(goOn)
	if err := h.conns.Await(t.Context()); err != nil {
		t.Error(err)
	}
	at <- struct{}{}
}

func TestWhoWaitsIsToldThatTheClientHasLeft(t *testing.T) {
	at, why := make(chan struct{}), make(chan error)
	h := open(t, func(c Call, _ error) {
		ctx, end := c.Present()
		defer end()
		close(at)
		<-ctx.Done()
		why <- context.Cause(ctx)
	})
	g := h.dial().send("%s", getting("/"))
	<-at
	g.send("%s", getting("/ahead")) // a further request is no end
	_ = g.Conn.Close()
	var err error
	h.until("that is told", func() bool {
		h.later()
		select {
		case err = <-why:
		default:
		}
		return err != nil
	})
	if !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want %v", err, ErrGone)
	}
}

func TestWhoWaitsIsToldThatTheServerStops(t *testing.T) {
	at := make(chan struct{})
	h := open(t, func(c Call, _ error) {
		ctx, end := c.Present()
		close(at)
		<-ctx.Done()
		end()
		give(c, 503, context.Cause(ctx).Error())
	})
	g := h.dial().send("%s", getting("/"))
	<-at
	h.conns.Stop()
	h.conns.Refuse(longWait)
	g.expect(503, ErrStopping.Error())
}

// Beyond the most that may linger, the oldest goes.
func TestOldestOfTooManyThatLingerGoes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a thousand connections")
	}
	h := open(t, func(c Call, _ error) { give(c, 413, "") })
	linger := func() {
		h.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc").expect(413, "")
	}
	for range mostLingering {
		linger()
	}
	h.await(lingering, mostLingering)
	linger()
	h.until(fmt.Sprint("no more than ", mostLingering), func() bool { return h.conns.lingering.Load() == mostLingering })
}

func TestClientThatStopsReadingIsCut(t *testing.T) {
	at, ended := make(chan struct{}), make(chan error, 1)
	h := open(t, func(c Call, _ error) {
		c.Begin(&wire.ResponseHead{Status: 200}, 64<<20)
		c.Write(make([]byte, 64<<20))
		_ = c.Flush()
		close(at)
		ended <- c.End(nil)
	})
	h.dial().send("%s", getting("/"))
	<-at
	for end := time.Now().Add(longWait); len(ended) == 0 && time.Now().Before(end); {
		h.later()
	}
	if err := <-ended; err == nil {
		t.Error("the answer counts as taken")
	}
}
