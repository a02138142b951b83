package proxy

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"purser/conf"
)

var benchAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n")

// tinyApp answers each head at once, without allocating.
func tinyApp(_ testing.TB, c *appConn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Conn.Read(buf)
		if err != nil {
			return
		}
		if bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
			if _, err := c.Conn.Write(benchAnswer); err != nil {
				return
			}
		}
	}
}

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
	if _, err := c.Write(request); err != nil {
		tb.Fatal(err)
	}
	for n := 0; !bytes.HasSuffix(buf[:n], []byte("hello world\n")); {
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
	f := newFront(t, tinyApp, func(s *conf.Server, _ *conf.App) {
		s.AccessLog, s.AccessLogFormat = os.DevNull, "combined"
	})
	c := dialBench(t, f.addr)
	buf := make([]byte, 4096)
	for range 1000 {
		roundTrip(t, c, benchRequest, buf)
	}
	if n := testing.AllocsPerRun(5000, func() { roundTrip(t, c, benchRequest, buf) }); n > 0.01 {
		t.Errorf("%v allocations per request, want none", n)
	}
}
