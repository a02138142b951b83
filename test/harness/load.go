package harness

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Load sends requests at a fixed rate, whatever becomes of those before (an open loop): a request
// that waits does not hold back the next one, as with real visitors. It keeps connections alive and
// never repeats a request by itself, so that no failure is hidden.
type Load struct {
	Addr   string // host:port
	Rate   int    // requests per second
	Method string // default GET
	Path   string // default /
	Host   string // default Addr
	Body   string
	Limit  time.Duration // for one request; default 30 s
	TLS    *tls.Config   // https; nil = in clear
	Fresh  bool          // a connection for each request
	Idle   time.Duration // how long a connection may be idle to be used again; default 30 s
}

// A Sample is one request of a Load.
type Sample struct {
	Due     time.Time     // when it was to be sent
	Latency time.Duration // from Due until the whole answer was there
	Status  int           // 0 without an answer
	Body    string
	Err     error
}

// Answered is when the answer was there.
func (s Sample) Answered() time.Time { return s.Due.Add(s.Latency) }

// A Running load ends with End.
type Running struct {
	load   Load
	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex // guards idle and samples
	idle   []*client
	sample []Sample
}

// client is one keep-alive connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	used time.Time
}

// longIdle is when a client leaves a connection: soon after that purser may close it, at the moment at which the
// next request is sent. A browser would send that again, and a Load does not. A front that was upgraded closes them
// earlier.
const longIdle = 30 * time.Second

// Begin starts sending.
func (l Load) Begin() *Running {
	l.Method, l.Path = cmp.Or(l.Method, http.MethodGet), cmp.Or(l.Path, "/")
	l.Host, l.Limit = cmp.Or(l.Host, l.Addr), cmp.Or(l.Limit, 30*time.Second)
	l.Idle = cmp.Or(l.Idle, longIdle)
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{load: l, stop: cancel}
	r.done.Go(func() { r.send(ctx) })
	return r
}

// End stops sending, waits for the answers under way and returns all samples in the order sent.
func (r *Running) End() Report {
	r.stop()
	r.done.Wait()
	for _, c := range r.idle {
		_ = c.conn.Close()
	}
	slices.SortFunc(r.sample, func(a, b Sample) int { return a.Due.Compare(b.Due) })
	return Report{Samples: r.sample}
}

// So far is how many requests have been answered or have failed.
func (r *Running) SoFar() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{Samples: slices.Clone(r.sample)}
}

// send dispatches one request whenever one is due. A late tick is caught up with, never dropped.
func (r *Running) send(ctx context.Context) {
	begin := time.Now()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(r.load.Rate))
		timer := time.NewTimer(time.Until(due))
		select {
		case <-timer.C:
			r.done.Go(func() { r.request(due) })
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (r *Running) request(due time.Time) {
	s := Sample{Due: due}
	s.Status, s.Body, s.Err = r.exchange(due)
	s.Latency = time.Since(due)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sample = append(r.sample, s)
}

func (r *Running) exchange(due time.Time) (int, string, error) {
	c, err := r.connection()
	if err != nil {
		return 0, "", err
	}
	_ = c.conn.SetDeadline(due.Add(r.load.Limit))
	status, body, keep, err := c.exchange(r.load)
	if err != nil || !keep || r.load.Fresh {
		_ = c.conn.Close()
		return status, body, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.used = time.Now()
	r.idle = append(r.idle, c)
	return status, body, nil
}

func (r *Running) connection() (*client, error) {
	if c := r.kept(); c != nil {
		return c, nil
	}
	conn, err := net.DialTimeout("tcp", r.load.Addr, r.load.Limit)
	if err != nil {
		return nil, err
	}
	if r.load.TLS != nil {
		conn = tls.Client(conn, r.load.TLS)
	}
	return &client{conn: conn, in: bufio.NewReader(conn)}, nil
}

// kept is the connection that was used last, nil if there is none. Those that were idle for long are left.
func (r *Running) kept() *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := slices.IndexFunc(r.idle, func(c *client) bool { return time.Since(c.used) < r.load.Idle })
	if fresh < 0 {
		fresh = len(r.idle)
	}
	for _, c := range r.idle[:fresh] {
		_ = c.conn.Close()
	}
	r.idle = slices.Delete(r.idle, 0, fresh)
	last := len(r.idle) - 1
	if last < 0 {
		return nil
	}
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c
}

func (c *client) exchange(l Load) (status int, body string, keep bool, err error) {
	head := l.Method + " " + l.Path + " HTTP/1.1\r\nHost: " + l.Host + "\r\n"
	if l.Body != "" {
		head += "Content-Length: " + strconv.Itoa(len(l.Body)) + "\r\n"
	}
	if _, err := io.WriteString(c.conn, head+"\r\n"+l.Body); err != nil {
		return 0, "", false, fmt.Errorf("cannot send: %w", err)
	}
	resp, err := http.ReadResponse(c.in, &http.Request{Method: l.Method})
	if err != nil {
		return 0, "", false, fmt.Errorf("cannot read the answer: %w", err)
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), !resp.Close, err
}
