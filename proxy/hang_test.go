package proxy

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

// hangsAfter is an app whose processes take so many requests at once, and are hung after an hour.
func hangsAfter(concurrency int) change {
	return func(_ *conf.Server, a *conf.App) {
		a.Concurrency, a.HangAfter, a.AnswerStall = concurrency, time.Hour, 0
	}
}

// hanging is an app that answers /quick, and begins to answer /begun, /events and /socket. It goes on with nothing
// else before the test ends. What it is asked goes to asked.
func hanging(asked chan<- string, end <-chan struct{}) script {
	return func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			path := strings.Fields(head)[1]
			switch path {
			case "/quick":
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
			case "/begun":
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			case "/events":
				c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
			case "/socket":
				c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
			}
			asked <- path
			if path != "/quick" {
				<-end
				return
			}
		}
	}
}

func asks(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }

// hour lets an hour pass for what waits for the first byte of an answer.
func (f *front) hour() { f.server.sweeper.Sweep(f.server.clock.In(61 * time.Minute)) }

// stuck is how many requests the pool knows to be stuck.
func (f *front) stuck() (n int) {
	for _, p := range f.group.Snapshot().Processes {
		n += p.Stuck
	}
	return n
}

func TestOnlyRequestsWithoutAnyAnswerAreStuck(t *testing.T) {
	for name, concurrency := range map[string]int{"limited": 10, "unlimited": conf.Unlimited} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 10)
			end := make(chan struct{})
			f := newFront(t, hanging(asked, end), hangsAfter(concurrency))
			t.Cleanup(func() { close(end) })
			var open []*visitor
			for _, path := range []string{"/begun", "/events"} {
				c := f.dial().send("%s", asks(path))
				if _, err := c.Peek(1); err != nil { // its head has come
					t.Fatal(err)
				}
				open = append(open, c)
				<-asked
			}
			open = append(open, f.dial().send("%s", strings.Replace(upgrade, "/ws", "/socket", 1)))
			<-asked
			stuck := f.dial().send("%s", asks("/never"))
			<-asked
			f.await("the request is told", func() bool { f.hour(); return f.stuck() > 0 })
			f.hour()
			if f.stuck() != 1 {
				t.Errorf("%d requests are stuck", f.stuck())
			}
			f.dial().send("%s", asks("/quick")).expect(200, "hello")
			<-asked
			_ = stuck.Close()
			for _, c := range open {
				_ = c.Close()
			}
			if concurrency == conf.Unlimited {
				f.await("a request whose client left is not stuck", func() bool { f.server.sweeper.Sweep(f.server.clock.In(time.Minute)); return f.stuck() == 0 })
			}
		})
	}
}

func TestHangAfterZeroIsOff(t *testing.T) {
	asked := make(chan string, 10)
	end := make(chan struct{})
	f := newFront(t, hanging(asked, end), func(_ *conf.Server, a *conf.App) { a.Concurrency, a.HangAfter = 1, 0 })
	t.Cleanup(func() { close(end) })
	f.dial().send("%s", asks("/never"))
	<-asked
	for range 10 {
		f.hour()
	}
	if s := f.group.Snapshot(); s.Condition != pool.Up || f.stuck() != 0 {
		t.Errorf("the app is %s, %d requests are stuck", s.Condition, f.stuck())
	}
}

// A process that is replaced as it hangs: its request is answered once it is gone, and is not sent again.
func TestStuckRequestIsAnsweredWhenItsProcessIsGone(t *testing.T) {
	asked := make(chan string, 10)
	end := make(chan struct{})
	f := newFront(t, hanging(asked, end), func(s *conf.Server, a *conf.App) {
		hangsAfter(1)(s, a)
		a.HangAfter, a.DrainTimeout = time.Second, time.Second
	})
	t.Cleanup(func() { close(end) })
	stuck := f.dial().send("%s", asks("/never"))
	<-asked
	f.await("the request is told", func() bool { f.server.sweeper.Sweep(f.server.clock.In(2 * time.Second)); return f.stuck() > 0 })
	waits := f.dial().send("%s", asks("/quick"))
	waits.expect(200, "hello") // by another process
	<-asked
	stuck.expectFailure("GET", 502, "process_exited")
	f.expectLog("app hangs: no process answers", "requests=1", "pids=[1]", "hang-after=1s")
	f.expectLog("hang_after passed", "process=1")
	select {
	case again := <-asked:
		t.Errorf("%s was sent again", again)
	default:
	}
}
