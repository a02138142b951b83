package proxy

import (
	"strings"
	"sync/atomic"
	"testing"

	"purser/conf"
	"purser/proxy/client"
	"purser/proxy/wire"
)

// TestOrderOfARequest says which step answers a request that several could: the first in the order.
func TestOrderOfARequest(t *testing.T) {
	malformed := &wire.Error{Status: 400, Text: "this is not an HTTP request"}
	for _, c := range []struct {
		name string
		head string
		body string
		app  func(*conf.App) // is otherwise one at / with public files that takes 4 bytes
		bad  error           // there is no proper request
		cut  error           // the body is not whole
		full bool            // as many wait for the app as may

		status  int
		reason  string // Purser-Error; "" = somebody else answers
		content string // "" = not looked at
		took    bool   // the body was asked for
		asked   bool   // the app was
	}{
		{name: "no proper request: before all", head: "OPTIONS * HTTP/1.1\r\nHost: a", bad: malformed, status: 400, reason: "bad_request"},

		{name: "the server's own options: before an app is looked for", head: "OPTIONS * HTTP/1.1\r\nHost: nobody.example", app: onlyAt("a.example"), status: 204},
		{name: "options that go no further: before an app is looked for", head: "OPTIONS /file HTTP/1.1\r\nHost: nobody.example\r\nMax-Forwards: 0", app: onlyAt("a.example"), status: 204},
		{name: "options that go further: the app", head: "OPTIONS /file HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1", status: 200, content: "app", asked: true},
		{name: "no further, but not options: the file", head: "GET /file HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0", status: 200, content: "file"},

		{name: "no app: before files", head: "GET /file HTTP/1.1\r\nHost: nobody.example", app: onlyAt("a.example"), status: 404, reason: "no_app"},
		{name: "no app: before the body", head: "POST / HTTP/1.1\r\nHost: nobody.example\r\nContent-Length: 3", body: "abc", app: onlyAt("a.example"), status: 404, reason: "no_app"},
		{name: "a path that means nothing: before files", head: "GET /file/%00 HTTP/1.1\r\nHost: a", status: 400, reason: "bad_request"},

		{name: "file: before the app", head: "GET /file HTTP/1.1\r\nHost: a", status: 200, content: "file"},
		{name: "file: though no process could be had", head: "GET /file HTTP/1.1\r\nHost: a", full: true, status: 200, content: "file"},
		{name: "a request with a body is for no file", head: "GET /file HTTP/1.1\r\nHost: a\r\nContent-Length: 3", body: "abc", status: 200, content: "app", took: true, asked: true},
		{name: "nor is one that changes something", head: "POST /file HTTP/1.1\r\nHost: a", status: 200, content: "app", asked: true},
		{name: "no public files: the app", head: "GET /file HTTP/1.1\r\nHost: a", app: func(a *conf.App) { a.Public = "" }, status: 200, content: "app", asked: true},

		{name: "body too large: before the app", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", body: "abcde", status: 413, reason: "body_too_large", took: true},
		{name: "body too large: before the queue", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", body: "abcde", full: true, status: 413, reason: "body_too_large", took: true},
		{name: "body too slow: before the app", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3", cut: client.ErrBodySlow, status: 408, reason: "bad_request", took: true},
		{name: "body cut: nobody to answer", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3", cut: client.ErrBodyCut, took: true},
		{name: "queue full: before a body that waits to be asked for", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue", body: "abc", full: true, status: 503, reason: "queue_full"},
		{name: "queue full: else after the body", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3", body: "abc", full: true, status: 503, reason: "queue_full", took: true},

		{name: "the app", head: "POST /anything HTTP/1.1\r\nHost: a\r\nContent-Length: 3", body: "abc", status: 200, content: "app", took: true, asked: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := newOrderFront(t, c.app, c.full)
			call := app.call(c.head+"\r\n\r\n", c.body)
			call.breaks = c.cut
			app.server.newExchange().Serve(call, c.bad)
			if call.status != c.status || call.fields["Purser-Error"] != c.reason {
				t.Errorf("got %d %s, want %d %s", call.status, call.fields["Purser-Error"], c.status, c.reason)
			}
			if got := call.content(); c.content != "" && got != c.content {
				t.Errorf("got %q, want %q", got, c.content)
			}
			if call.taken != c.took {
				t.Errorf("the body was asked for: %v, want %v", call.taken, c.took)
			}
			if asked := app.asked.Load() > 0; asked != c.asked {
				t.Errorf("the app was asked: %v, want %v", asked, c.asked)
			}
		})
	}
}

func onlyAt(host string) func(*conf.App) {
	return func(a *conf.App) { a.Hosts = []string{host} }
}

type orderFront struct {
	*front
	asked *atomic.Int32
}

// newOrderFront is a front whose app says "app" and has a file that says "file". If it is full, its only
// process is busy and one request, as many as may, waits for it.
func newOrderFront(t *testing.T, change func(*conf.App), full bool) orderFront {
	asked, release := new(atomic.Int32), make(chan struct{})
	root := t.TempDir()
	put(t, root, "public/file", "file")
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for head, _ := c.request(); head != ""; head, _ = c.request() {
			if strings.HasPrefix(head, "GET /busy") {
				<-release
			} else {
				asked.Add(1)
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp")
		}
	}, func(_ *conf.Server, a *conf.App) {
		a.Root, a.Public, a.MaxBody, a.MaxQueue, a.Concurrency = root, "public", 4, 1, 1
		if change != nil {
			change(a)
		}
	})
	if full {
		f.call(getOf("/busy")).begin()
		f.await("its process is busy", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
		f.call(getOf("/busy")).begin()
		f.awaitQueue(1)
	}
	t.Cleanup(func() { close(release) })
	return orderFront{f, asked}
}
