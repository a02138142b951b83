package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/conf"
	"purser/pool"
	"purser/proxy/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// longWait is how long a test waits for what must come.
const longWait = 20 * time.Second

// A front is a server with one app behind it, whose processes are goroutines of the test that speak
// raw bytes on real unix sockets.
type front struct {
	t      testing.TB
	addr   string
	server *Server
	group  *pool.Group
	pool   *pool.Pool
	log    *syncBuffer
	secure bool // it speaks TLS

	config  Config
	spawner pool.SpawnFunc

	// These may be set before the front starts.
	stop  func(*member)          // what a process does when it is asked to exit; nil = it dies
	spawn func(pool.Order) error // waits, or fails, before a process starts
	fresh func(app string) (pin int, err error)
	child func(*member) pool.Child // what the pool gets for a process; nil = the member itself
}

// script is what a process does with one connection.
type script func(t testing.TB, c *appConn)

// appConn is a connection as the app sees it.
type appConn struct {
	net.Conn
	*bufio.Reader
	process    int
	generation int
}

func (c *appConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// request reads one request and returns its head and body; an empty head means that there is none.
func (c *appConn) request() (head, body string) {
	for {
		line, err := c.ReadString('\n')
		if err != nil {
			return "", ""
		}
		head += line
		if line == "\r\n" {
			break
		}
	}
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), c.Reader)))
	if err != nil {
		return head, ""
	}
	b, _ := io.ReadAll(req.Body)
	return head, string(b)
}

func (c *appConn) send(format string, args ...any) { fmt.Fprintf(c.Conn, format, args...) }

// member is a process of the test: the child that the pool is given.
type member struct {
	upstream *upstream.Way
	pid      int
	order    pool.Order
	stop     func(*member)
	listener net.Listener
	conns    sync.Map
	wg       sync.WaitGroup
	once     sync.Once
	exited   chan struct{}
}

func (m *member) PID() int                { return m.pid }
func (m *member) Upstream() *upstream.Way { return m.upstream }
func (m *member) Wait() error             { <-m.exited; return nil }

func (m *member) Stop() {
	if m.stop != nil {
		m.stop(m)
	} else {
		m.Kill()
	}
}

func (m *member) Backtrace() bool { return false }

func (m *member) Kill() {
	m.once.Do(func() {
		m.upstream.CloseIdle()
		_ = m.listener.Close()
		m.conns.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		go func() { m.wg.Wait(); close(m.exited) }()
	})
}

func (m *member) serve(t testing.TB, do script) {
	for {
		c, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.conns.Store(c, nil)
		m.wg.Go(func() {
			do(t, &appConn{Conn: c, Reader: bufio.NewReader(c), process: m.pid, generation: m.order.Generation})
			_ = c.Close()
			m.conns.Delete(c)
		})
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newFront starts a front whose app does what do says. change may change the configuration.
func newFront(t testing.TB, do script, change func(*conf.Server, *conf.App)) *front {
	f := &front{t: t, log: &syncBuffer{}}
	f.start(do, change)
	return f
}

func (f *front) start(do script, change func(*conf.Server, *conf.App)) {
	t := f.t
	server := conf.Server{AccessLog: "off", AccessLogSample: 1, SpoolLimit: conf.Share{Percent: 50}, BufferMemory: conf.Share{Percent: 50}, Clients: conf.DefaultClients()}
	app := conf.App{Name: "app", Root: t.TempDir(), Path: "/", MinProcesses: 1, MaxProcesses: 1,
		Concurrency: conf.Unlimited, StartTimeout: time.Minute, DrainTimeout: time.Minute,
		WebsocketDrainTimeout: time.Minute, StopTimeout: time.Minute, MaxQueue: 100, QueueTimeout: time.Minute,
		MaxBody: 1 << 30, BufferRequest: true, AnswerStall: time.Minute, Restart: conf.Restart{Strategy: "rolling", Surge: conf.Amount{Count: 1}, MaxOldGenerations: 2}}
	if change != nil {
		change(&server, &app)
	}
	log := hclog.New(&hclog.LoggerOptions{Output: f.log, Level: hclog.Debug})
	p := pool.New(0, 0, log)
	dir := t.TempDir()
	f.pool, f.spawner = p, func(_ context.Context, o pool.Order) (pool.Child, error) {
		if f.spawn != nil {
			if err := f.spawn(o); err != nil {
				return nil, err
			}
		}
		path := filepath.Join(dir, fmt.Sprint(o.App, o.Process))
		l, err := net.Listen("unix", path)
		if err != nil {
			return nil, err
		}
		m := &member{upstream: upstream.New("unix", path), pid: o.Process, order: o, stop: f.stop, listener: l, exited: make(chan struct{})}
		m.wg.Go(func() { m.serve(t, do) })
		if f.child != nil {
			return f.child(m), nil
		}
		return m, nil
	}
	f.group = p.Add(app, pool.Release{Path: app.Root}, f.spawner)
	f.secure = throughTLS
	c := Config{Server: server, Apps: []conf.App{app}, Pool: p, Log: log, RAM: 1 << 30, Fresh: f.fresh, Access: accessTo(t, server.AccessLog)}
	if f.secure {
		c.Certs, c.HTTPSPort, c.Proof = ownCertificate(t), 8443, ownProof
	}
	s := New(c)
	f.server, f.config = s, c
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	served := make(chan error, 1)
	serve := s.Serve
	if f.secure {
		serve = s.ServeTLS
	}
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longWait)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := p.Close(ctx); err != nil {
			t.Errorf("close the pool: %v", err)
		}
		if t.Failed() {
			t.Log(f.log.String())
		}
	})
}

// accessTo writes the lines of the access log to a file, each by itself.
func accessTo(t testing.TB, path string) func(line []byte) {
	if path == "off" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return func(line []byte) { _, _ = file.Write(line) }
}

const get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

// answering is an app that answers every request with the same bytes.
func answering(answer string) script {
	return func(_ testing.TB, c *appConn) {
		for {
			if head, _ := c.request(); head == "" {
				return
			}
			c.send("%s", answer)
		}
	}
}

// hello is an app that greets.
var hello = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
