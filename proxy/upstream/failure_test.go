package upstream

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"purser/proxy/wire"
)

func TestWhyThereIsNoAnswer(t *testing.T) {
	big := strings.Repeat("x", 8<<20)
	for _, c := range []struct {
		name, body string
		do         func(*appLink)
		want       error
	}{
		{"closed when it had read", "body", func(l *appLink) { l.request() }, ErrNoAnswer},
		{"closed before it had read", big, func(l *appLink) { _, _ = l.ReadByte() }, ErrUnread},
		{"inside the head", "", func(l *appLink) { l.request(); l.send("HTTP/1.1 200 OK\r\nX") }, ErrShortHead},
		{"inside a length", "", func(l *appLink) { l.request(); l.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok") }, ErrShortAnswer},
		{"inside a chunk", "", func(l *appLink) { l.request(); l.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok") }, ErrShortAnswer},
		{"before the last chunk", "", func(l *appLink) {
			l.request()
			l.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
		}, ErrShortAnswer},
		{"not HTTP", "", replying("SSH-2.0\r\n"), ErrNotHTTP},
		{"an endless head", "", replying("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", wire.MaxAppHead)), ErrHeadTooBig},
		{"a head that ends too late", "", replying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + strings.Repeat("x", wire.MaxAppHead) + "\r\n\r\n"), ErrHeadTooBig},
		{"interim answers without end", "", replying(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim+1)), ErrManyEarly},
		{"a switch that nobody asked for", "", replying("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), ErrUpgrade},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := run(t, c.do)
			r, _ := a.request("PUT", c.body)
			if _, _, err := a.ask(r); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if a.idle() != 0 {
				t.Error("its link was kept")
			}
		})
	}
}

func TestHeadThatDoesNotComeInTime(t *testing.T) {
	for name, begins := range map[string]string{"nothing": "", "some of it": "HTTP/1.1 200 OK\r\n", "interim answers": "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			a := run(t, func(l *appLink) {
				l.request()
				l.send("%s", begins)
				_, _ = io.Copy(io.Discard, l.Conn)
			})
			r := a.get()
			r.Terms.Limit = time.Minute
			if _, _, err := a.sweeping(r); !errors.Is(err, ErrSlow) {
				t.Errorf("got %v, want %v", err, ErrSlow)
			}
		})
	}
}

// sweeping is ask while every deadline passes.
func (a *app) sweeping(r *Request) (status int, content string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		status, content, err = a.ask(r)
	}()
	a.until("it ends", func() bool {
		a.later()
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	return status, content, err
}

func TestContentThatStops(t *testing.T) {
	a := run(t, func(l *appLink) {
		l.request()
		l.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
		_, _ = io.Copy(io.Discard, l.Conn)
	})
	r := a.get()
	r.Terms.Stall = time.Minute
	if _, content, err := a.sweeping(r); content != "hello" || !errors.Is(err, ErrStalled) {
		t.Errorf("got %q, %v, want %v", content, err, ErrStalled)
	}
}

// An event stream may pause for ever, but not once it is to end.
func TestEventStreamMayPauseUntilItIsToEnd(t *testing.T) {
	more := make(chan struct{})
	a := run(t, func(l *appLink) {
		l.request()
		l.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nhello")
		<-more
		l.send("more")
		_, _ = io.Copy(io.Discard, l.Conn)
	})
	r := a.get()
	r.Terms.Stall = time.Minute
	var ask Ask
	defer ask.End()
	if err := ask.Do(a.way, r); err != nil {
		t.Fatal(err)
	}
	a.later()
	close(more)
	got := ""
	for got != "hellomore" {
		data, err := ask.Next()
		if got += string(data); err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		if len(data) == 0 {
			ask.Wait()
		}
	}
	ask.Within(10 * time.Second)
	done := make(chan struct{})
	go func() { ask.Wait(); close(done) }()
	a.until("its end is waited for", func() bool { return len(a.sweeper.Deadlines()) > 0 })
	a.later()
	<-done
	if _, err := ask.Next(); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v, want %v", err, ErrStalled)
	}
}

func TestAskEndsWithWhoAsks(t *testing.T) {
	asked := make(chan struct{}, 2)
	for name, begins := range map[string]string{"before the head": "", "inside the content": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"} {
		t.Run(name, func(t *testing.T) {
			a := run(t, func(l *appLink) {
				l.request()
				l.send("%s", begins)
				asked <- struct{}{}
				_, _ = io.Copy(io.Discard, l.Conn)
			})
			r, who := a.request("GET", "")
			left := make(chan struct{})
			go func() { <-asked; who.leave(); close(left) }()
			if _, _, err := a.ask(r); !errors.Is(err, ErrGone) {
				t.Errorf("got %v, want %v", err, ErrGone)
			}
			<-left
		})
	}
}

// A wake that is for somebody else, as one that comes late, changes nothing.
func TestWakeForNoReasonChangesNothing(t *testing.T) {
	goOn := make(chan struct{})
	a := run(t, func(l *appLink) {
		l.request()
		<-goOn
		l.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
		<-goOn
		l.send("llo")
		l.request()
	})
	r, who := a.request("PUT", strings.Repeat("x", 3<<20))
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case goOn <- struct{}{}:
			default:
				who.mu.Lock()
				if who.wakes != nil {
					who.wakes.Wake()
				}
				who.mu.Unlock()
			}
		}
	}()
	a.expect(r, 200, "hello")
	close(ended)
}
