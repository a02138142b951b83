package proxy

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

var benchAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n")

// quick is an app that answers each request, whose end it knows, at once and without allocating.
func quick(end string, answer []byte) script {
	return func(_ testing.TB, c *appConn) {
		buf, last := make([]byte, 4096), []byte(end)
		for {
			n, err := c.Conn.Read(buf)
			if err != nil {
				return
			}
			if bytes.HasSuffix(buf[:n], last) {
				if _, err := c.Conn.Write(answer); err != nil {
					return
				}
			}
		}
	}
}

var tinyApp = quick("\r\n\r\n", benchAnswer)

// BenchmarkExchange is a small keep-alive GET through to an app on a unix socket and back, access log
// on. Client and app are part of it and allocate nothing, so that every allocation is the engine's.
func BenchmarkExchange(b *testing.B) {
	f := newFront(b, tinyApp, func(s *conf.Server, _ *conf.App) {
		s.AccessLog, s.AccessLogFormat = filepath.Join(b.TempDir(), "access.log"), "combined"
	})
	c := dialBench(b, f.addr)
	buf := make([]byte, 4096)
	for range 1000 {
		roundTrip(b, c, benchRequest, buf)
	}
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, c, benchRequest, buf)
	}
}

// The other ways of a request, for the profile that the binary is built with as much as for their cost.

func BenchmarkPost(b *testing.B) {
	f := newFront(b, quick("hello=world", benchAnswer), nil)
	request := []byte("POST / HTTP/1.1\r\nHost: bench.example\r\nContent-Length: 11\r\n\r\nhello=world")
	benchTrips(b, f, request, []byte("hello world\n"))
}

func BenchmarkStaticFile(b *testing.B) {
	f, _ := newFiles(b, nil, "style.css", "body { color: red }")
	benchTrips(b, f, []byte("GET /style.css HTTP/1.1\r\nHost: bench.example\r\n\r\n"), []byte("red }"))
}

func BenchmarkChunkedAnswer(b *testing.B) {
	f := newFront(b, quick("\r\n\r\n", []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+
		strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 16)+"0\r\n\r\n")), nil)
	benchTrips(b, f, benchRequest, []byte("0\r\n\r\n"))
}

func BenchmarkLargeAnswer(b *testing.B) {
	f := newFront(b, quick("\r\n\r\n", []byte("HTTP/1.1 200 OK\r\nContent-Length: 100003\r\n\r\n"+strings.Repeat("x", 100000)+"end")), nil)
	benchTrips(b, f, benchRequest, []byte("end"))
}

func BenchmarkWebSocketMessage(b *testing.B) {
	f := newFront(b, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(upgraded)
		_, _ = io.Copy(c.Conn, c.Reader)
	}, nil)
	c := f.webSocket()
	message, buf := []byte(frameOf("hello world", true)), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		roundTripTo(b, c.Conn, message, buf, message[len(message)-4:])
	}
}

// benchTrips sends request again and again, each time until the answer's last bytes have come.
func benchTrips(b *testing.B, f *front, request, last []byte) {
	c, buf := dialBench(b, f.addr), make([]byte, 128<<10)
	for range 100 {
		roundTripTo(b, c, request, buf, last)
	}
	b.ReportAllocs()
	for b.Loop() {
		roundTripTo(b, c, request, buf, last)
	}
}

var benchRequest = []byte("GET /index HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")

func dialBench(tb testing.TB, addr string) net.Conn {
	tb.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func roundTrip(tb testing.TB, c net.Conn, request, buf []byte) {
	roundTripTo(tb, c, request, buf, []byte("hello world\n"))
}

func roundTripTo(tb testing.TB, c net.Conn, request, buf, last []byte) {
	if _, err := c.Write(request); err != nil {
		tb.Fatal(err)
	}
	for n := 0; !bytes.HasSuffix(buf[:n], last); {
		m, err := c.Read(buf[n:])
		if err != nil {
			tb.Fatal(err)
		}
		n += m
	}
}

// TestExchangeAllocatesNothing holds what the benchmark shows. The runtime may now and then refill a
// pool of buffers, so it is the average over many requests that must be below one in a hundred.
func TestExchangeAllocatesNothing(t *testing.T) {
	if raceEnabled {
		return // sync.Pool drops what it is given at random then
	}
	for _, format := range []string{"combined", "json", `{remote} "{method} {target}" {status} {duration_ms} {header.Accept} {trace_id}`} {
		f := newFront(t, tinyApp, func(s *conf.Server, a *conf.App) {
			s.AccessLog, s.AccessLogFormat = os.DevNull, format
			if format != "combined" {
				a.Traceparent, a.SlowRequest = "make", time.Hour
			}
		})
		c := dialBench(t, f.addr)
		buf := make([]byte, 4096)
		for range 1000 {
			roundTrip(t, c, benchRequest, buf)
		}
		if n := testing.AllocsPerRun(5000, func() { roundTrip(t, c, benchRequest, buf) }); n > 0.01 {
			t.Errorf("%s: %v allocations per request, want none", format, n)
		}
	}
}

// BenchmarkLine is what a line of the access log costs.
func BenchmarkLine(b *testing.B) {
	for name, format := range map[string]string{"combined": "combined", "json": "json",
		"template": `{remote} - [{time_local}] "{method} {target} {protocol}" {status} {bytes} "{referer}" "{user_agent}" {duration_ms} {queue_ms}`} {
		b.Run(name, func(b *testing.B) {
			f := newFront(b, tinyApp, nil)
			call := f.call(string(benchRequest))
			x := f.server.newExchange()
			x.begin(call)
			x.site = x.routes.all[0]
			x.details.timers = timers{passed: 1, answered: 2, over: 3}
			x.story = story{status: 200, sent: 12, asks: 1, appStatus: 200}
			log := newAccessLog(Config{Access: func([]byte) {}, Server: conf.Server{AccessLogFormat: format, AccessLogSample: 1}})
			b.ReportAllocs()
			for b.Loop() {
				log.record(x)
			}
			x.forget()
		})
	}
}
