package proxy

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// A process that takes one request at a time, and whose client has left, is replaced if it does not end its
// answer: it must not be counted free while it hangs.
func TestProcessThatHangsInAnAnswerThatNobodyReadsIsReplaced(t *testing.T) {
	for name, stall := range map[string]time.Duration{"answer_stall": time.Minute, "without answer_stall": 0} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{})
			f := newFront(t, func(_ testing.TB, c *appConn) {
				if head, _ := c.request(); strings.HasPrefix(head, "GET /hang") {
					c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
					<-left
					c.send("wor")
					_, _ = io.Copy(io.Discard, c.Conn)
					return
				}
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", c.process)
			}, func(_ *conf.Server, a *conf.App) { a.Concurrency, a.AnswerStall = 1, stall })
			call := f.call(getOf("/hang"))
			wait := call.begin()
			<-call.starting
			call.leave()
			close(left)
			f.await("its end is no longer waited for", func() bool {
				f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
				return f.group.Snapshot().Processes[0].PID == 2
			})
			wait()
			f.call(get).serve().expect(200, "2")
		})
	}
}

func TestAnswerThatStopsIsCutAfterAnswerStall(t *testing.T) {
	for _, c := range []struct {
		name        string
		concurrency int
		next        string // who answers the next request
	}{{"any number at once", conf.Unlimited, "1"}, {"one at a time: it is replaced", 1, "2"}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, func(_ testing.TB, a *appConn) {
				if head, _ := a.request(); strings.HasPrefix(head, "GET /stop") {
					a.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
					_, _ = io.Copy(io.Discard, a.Conn)
					return
				}
				a.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", a.process)
			}, func(_ *conf.Server, a *conf.App) { a.Concurrency = c.concurrency })
			call := f.call(getOf("/stop"))
			wait := call.begin()
			call.awaitContent("hello")
			f.await("more is waited for", func() bool { return len(f.server.sweeper.Deadlines()) > 0 })
			f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
			wait()
			call.expectCut("hello")
			if log := f.log.String(); !strings.Contains(log, "for longer than answer_stall") {
				t.Errorf("the log does not say why: %s", log)
			}
			f.call(get).serve().expect(200, c.next)
		})
	}
}

func TestEventStreamWhoseLastEventDoesNotComeEndsAfterItsGrace(t *testing.T) {
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\ndata: ha")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(0))
	_, res := f.events("data: 1\n\ndata: ha")
	f.restart("/new")
	old := <-asked
	f.await("the rest of its event is waited for", func() bool {
		return slices.ContainsFunc(f.server.sweeper.Deadlines(), func(at int64) bool { return at <= f.server.clock.In(closeGrace) })
	})
	f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
	expectRest(t, res, "")
	old.Kill()
}
