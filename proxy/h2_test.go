package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"purser/conf"
)

// The stories of a request, told over HTTP/2.

// newFront2 is a front that speaks HTTP/2 without TLS.
func newFront2(t testing.TB, do script, change func(*conf.Server, *conf.App)) *front {
	return newFront(t, do, speaking2(change))
}

func speaking2(change func(*conf.Server, *conf.App)) func(*conf.Server, *conf.App) {
	return func(s *conf.Server, a *conf.App) {
		s.H2C = true
		if change != nil {
			change(s, a)
		}
	}
}

// client2 is a client that speaks HTTP/2 only, on one connection.
func (f *front) client2() *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 3 * longWait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (f *front) url(path string) string { return "http://" + f.addr + path }

// fetch2 has one request answered.
func (f *front) fetch2(c *http.Client, method, path string, body io.Reader, fields ...string) (*http.Response, string, error) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url(path), body)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func (f *front) expect2(c *http.Client, method, path string, body io.Reader, status int, content string) *http.Response {
	f.t.Helper()
	res, got, err := f.fetch2(c, method, path, body)
	if err != nil || res.StatusCode != status || got != content {
		f.t.Fatalf("%s %s: got %v, %.80q, %v; want %d %.80q", method, path, res, got, err, status, content)
	}
	return res
}

// echo2 is an app that answers with the head and the body that it got.
func echo2(_ testing.TB, c *appConn) {
	for {
		head, body := c.request()
		if head == "" {
			return
		}
		if body == "" {
			body = head
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

func TestRequestOfHTTP2ReachesTheAppAsHTTP1(t *testing.T) {
	f := newFront2(t, echo2, nil)
	c := f.client2()
	for range 2 {
		res, head, err := f.fetch2(c, "GET", "/a?b=c", nil, "Cookie", "a=1", "Cookie", "b=2", "X-Y", "z", "Priority", "u=1")
		if err != nil || res.Proto != "HTTP/2.0" || res.Header.Get("Date") == "" {
			t.Fatalf("got %v, %v", res, err)
		}
		for _, want := range []string{"GET /a?b=c HTTP/1.1\r\nHost: " + f.addr + "\r\n", "cookie: a=1; b=2\r\n", "x-y: z\r\n", "priority: u=1\r\n",
			"X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "Via: 2 purser\r\n"} {
			if !strings.Contains(head, want) {
				t.Errorf("the app got %q, want %q in it", head, want)
			}
		}
		if strings.Contains(head, "Transfer-Encoding") || strings.Contains(head, "Connection") {
			t.Errorf("the app got %q", head)
		}
	}
}

func TestPrefaceOfHTTP2IsRefusedWhereItIsNotAskedFor(t *testing.T) {
	f := newFront(t, hello, nil)
	c := f.dial()
	c.send("%s", http2.ClientPreface)
	if res, _ := c.answer("GET"); res.StatusCode != 505 && res.StatusCode != 400 {
		t.Errorf("got %d", res.StatusCode)
	}
	on := newFront2(t, hello, nil)
	d := on.dial()
	d.send(get).expect(200, "hello") // HTTP/1.1 goes on beside it
	d.send("%s", http2.ClientPreface)
	if res, _ := d.answer("GET"); res.StatusCode != 505 && res.StatusCode != 400 {
		t.Errorf("a preface behind a request: got %d", res.StatusCode)
	}
}

func TestBodiesGoBothWaysOverHTTP2(t *testing.T) {
	f := newFront2(t, echo2, nil)
	c := f.client2()
	for _, n := range []int{1, 100, 16 << 10, 64 << 10, 10 << 20} {
		body := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		f.expect2(c, "POST", "/", strings.NewReader(body), 200, body)
		f.expect2(c, "POST", "/", io.MultiReader(strings.NewReader(body)), 200, body) // of unknown length
	}
}

func TestBodiesOfManyStreamsDoNotBlockOneAnother(t *testing.T) {
	f := newFront2(t, echo2, nil)
	c := f.client2()
	var all sync.WaitGroup
	for i := range 20 {
		body := strings.Repeat(fmt.Sprint(i%10), 1<<20)
		all.Go(func() {
			_, got, err := f.fetch2(c, "POST", "/", strings.NewReader(body))
			if err != nil || got != body {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

func TestManyRequestsOnSixteenStreams(t *testing.T) {
	f := newFront2(t, hello, nil)
	c := f.client2()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 1000 / 16 {
				if _, got, err := f.fetch2(c, "GET", "/", nil); err != nil || got != "hello" {
					t.Errorf("got %q, %v", got, err)
					return
				}
			}
		})
	}
	all.Wait()
}
