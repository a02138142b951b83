package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// longWait is how long a test waits for what must come.
const longWait = 20 * time.Second

// An app is a process of the test that listens on a unix socket, and the way to it. Its clock stands still:
// deadlines pass when the test sweeps.
type app struct {
	t       testing.TB
	way     *Way
	sweeper *sock.Sweeper
	spool   *spool.Spool
	opened  atomic.Int32 // connections
}

// A link of the app's, as it sees it.
type appLink struct {
	net.Conn
	*bufio.Reader
	number int // from 1
}

func (l *appLink) Read(p []byte) (int, error) { return l.Reader.Read(p) }

func (l *appLink) send(format string, args ...any) { fmt.Fprintf(l.Conn, format, args...) }

// request reads a request and returns its head and body; an empty head means that there is none.
func (l *appLink) request() (head, body string) {
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := l.ReadString('\n')
		if err != nil {
			return "", ""
		}
		head += line
	}
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), l.Reader)))
	if err != nil {
		return head, ""
	}
	b, _ := io.ReadAll(req.Body)
	return head, string(b)
}

// run starts an app that does with each connection what do says, and then closes it.
func run(t testing.TB, do func(l *appLink)) *app {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, way: New("unix", path), sweeper: sock.NewSweeper()}
	a.spool = spool.New(func(room int64) int64 { return room / 2 }, 1<<40, a.sweeper.Clock)
	var all sync.WaitGroup
	all.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.SetDeadline(time.Now().Add(longWait))
			n := int(a.opened.Add(1))
			all.Go(func() {
				defer c.Close()
				do(&appLink{c, bufio.NewReader(c), n})
			})
		}
	})
	t.Cleanup(func() {
		a.way.CloseIdle()
		_ = l.Close()
		all.Wait()
	})
	return a
}

// replying answers every request with the same bytes.
func replying(answer string) func(*appLink) {
	return func(l *appLink) {
		for head, _ := l.request(); head != ""; head, _ = l.request() {
			l.send("%s", answer)
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// later is a point after every deadline.
func (a *app) later() { a.sweeper.Sweep(a.sweeper.Clock.In(time.Hour)) }

func (a *app) until(what string, cond func() bool) {
	a.t.Helper()
	for end := time.Now().Add(longWait); !cond(); {
		if time.Now().After(end) {
			a.t.Fatalf("not in time: %s", what)
		}
		time.Sleep(100 * time.Microsecond) // a pace, not a wait: who spins keeps the others from what is waited for
	}
}

// An asker waits for an answer, until it leaves.
type asker struct {
	mu      sync.Mutex
	gone    bool
	wakes   *sock.Socket
	interim []int
}

func (a *asker) Gone() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone
}

func (a *asker) WakeOnGone(s *sock.Socket, _ bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wakes = s
}

func (a *asker) Interim(h *wire.ResponseHead) { a.interim = append(a.interim, h.Status) }

func (a *asker) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	if a.wakes != nil {
		a.wakes.Wake()
	}
}

func (a *app) request(method, body string) (*Request, *asker) {
	a.t.Helper()
	who := &asker{}
	parsed := &wire.Request{Method: []byte(method), Target: []byte("/"), Host: []byte("a"), Length: int64(len(body))}
	r := &Request{Request: parsed, Added: none{}, Body: &spool.Body{}, Asker: who, Terms: &Terms{Sweeper: a.sweeper, Context: a.t.Context()}}
	r.Body.Init(a.spool)
	if err := errors.Join(r.Body.Append([]byte(body)), r.Body.Complete()); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(r.Body.Reset)
	return r, who
}

type none struct{}

func (none) AppendTo(b []byte) []byte { return b }

// ask asks for the whole answer, and gives its content and the error that it ended with.
func (a *app) ask(r *Request) (status int, content string, err error) {
	var ask Ask
	defer ask.End()
	if err := ask.Do(a.way, r); err != nil {
		return 0, "", err
	}
	status = ask.Head().Status
	content, err = whole(&ask)
	return status, content, err
}

// whole takes the content of an answer in.
func whole(ask *Ask) (content string, err error) {
	for {
		data, err := ask.Next()
		content += string(data)
		switch {
		case errors.Is(err, io.EOF):
			return content, nil
		case err != nil:
			return content, err
		case len(data) == 0:
			ask.Wait()
		}
	}
}

// expect checks that an answer comes, and is whole.
func (a *app) expect(r *Request, status int, content string) {
	a.t.Helper()
	if got, body, err := a.ask(r); got != status || body != content || err != nil {
		a.t.Fatalf("got %d %.100q, %v; want %d %.100q", got, body, err, status, content)
	}
}

func (a *app) get() *Request  { r, _ := a.request("GET", ""); return r }
func (a *app) post() *Request { r, _ := a.request("POST", "body"); return r }

// idle returns how many links wait for the next request.
func (a *app) idle() int {
	a.way.mu.Lock()
	defer a.way.mu.Unlock()
	return len(a.way.idle)
}
