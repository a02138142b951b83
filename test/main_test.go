// Package test holds the black-box tests: they run the purser binary with real apps behind it and
// know it only as its users do.
package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"purser/test/harness"
)

func TestMain(m *testing.M) {
	if os.Getenv(relayTo) != "" {
		if err := relay(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := harness.Main(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// patience is how long a test waits for what takes milliseconds on an idle machine.
const patience = 20 * time.Second

// config is a configuration with one app named "app".
func config(dir string, keys ...string) string {
	return serverTable() + appTable("app", dir, keys...)
}

// serverTable is the [server] table with further keys.
func serverTable(keys ...string) string {
	return "[server]\nlisten = [\"$LISTEN\"]\n" + strings.Join(keys, "\n") + "\n"
}

func appTable(name, dir string, keys ...string) string {
	return fmt.Sprintf("[apps.%s]\nroot = %q\n%s\n", name, dir, strings.Join(keys, "\n"))
}

// processes are the keys for exactly n processes.
func processes(n int) string {
	return fmt.Sprintf("min_processes = %d\nmax_processes = %d", n, n)
}

// serveNode serves the Node app with one process and further keys.
func serveNode(t *testing.T, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.NewApp(t, "node")
	if !strings.Contains(strings.Join(keys, "\n"), "min_processes") {
		keys = append([]string{processes(1)}, keys...)
	}
	return harness.Serve(t, harness.Options{Config: config(app.Dir, keys...)}), app
}

// get asks for a path on a connection of its own and reads the whole answer.
func get(t testing.TB, p *harness.Purser, path string) harness.Answer {
	t.Helper()
	return request(t, p, "GET "+path+" HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
}

// request sends bytes on a connection of its own and reads one answer.
func request(t testing.TB, p *harness.Purser, bytes string) harness.Answer {
	t.Helper()
	c := dial(t, p)
	c.send(bytes)
	return c.answer("GET")
}

// A wire is one raw connection to purser.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, p *harness.Purser) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (w *wire) send(bytes string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, bytes); err != nil {
		w.t.Fatalf("cannot send: %v", err)
	}
}

// sendAside sends while the answer is read, which may come and end the connection before all is sent.
// The channel is closed once it no longer sends.
func (w *wire) sendAside(bytes string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(w.conn, bytes)
	}()
	return done
}

// answer reads one answer, to a request of the given method, to its end.
func (w *wire) answer(method string) harness.Answer {
	w.t.Helper()
	a, _, err := w.tryAnswer(method)
	if err != nil {
		w.t.Fatalf("cannot read the answer: %v", err)
	}
	return a
}

func (w *wire) tryAnswer(method string) (harness.Answer, *http.Response, error) {
	resp, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return harness.Answer{}, nil, err
	}
	a := harness.Answer{StatusCode: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a, resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	a.Body = string(body)
	return a, resp, err
}

// closed reports whether purser ends the connection without another byte.
func (w *wire) closed() bool {
	n, err := w.in.Read(make([]byte, 1))
	return n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// restartState is the state of the app's running or last restart, "" if there was none.
func restartState(s harness.Status) string {
	if s.Restart == nil {
		return ""
	}
	return s.Restart.State
}

// waitGeneration waits until the app's restart to generation is done.
func waitGeneration(t testing.TB, p *harness.Purser, app string, generation int) {
	t.Helper()
	harness.Eventually(t, patience, fmt.Sprintf("restart of %s to generation %d is done", app, generation), func() bool {
		s := p.Status(t, app)
		return s.Generation == generation && restartState(s) == "done"
	})
}

// within is a context that ends after the tests' patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
