package proxy

import (
	"bytes"
	"encoding/binary"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"purser/conf"
)

// A bench2 is a client of HTTP/2 that allocates nothing: it sends the same header block for each stream, and
// counts those that end.
type bench2 struct {
	tb    testing.TB
	conn  net.Conn
	block []byte
	out   []byte
	in    []byte
	have  int
	next  uint32
	taken uint32 // bytes of content since the last update of the connection's window
}

func (f *front) bench2() *bench2 {
	b := &bench2{tb: f.t, conn: dialBench(f.t, f.addr), in: make([]byte, 256<<10), next: 1}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for range 2 { // the second is made of what the first has put into the table
		block.Reset()
		for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "bench.example"}, {":path", "/index"}, {"user-agent", "bench"}, {"accept", "*/*"}} {
			_ = e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		if b.block == nil {
			hello := http2.NewFramer(&block, nil)
			first := bytes.Clone(block.Bytes())
			block.Reset()
			block.WriteString(http2.ClientPreface)
			_ = hello.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			_ = hello.WriteWindowUpdate(0, 1<<30)
			_ = hello.WriteHeaders(http2.HeadersFrameParam{StreamID: b.next, BlockFragment: first, EndHeaders: true, EndStream: true})
			if _, err := b.conn.Write(block.Bytes()); err != nil {
				f.t.Fatal(err)
			}
			b.block = first
			b.next += 2
		}
	}
	b.block = bytes.Clone(block.Bytes())
	b.await(1)
	return b
}

// trip has n requests answered at once.
func (b *bench2) trip(n int) {
	b.out = b.out[:0]
	if b.taken > 16<<10 {
		b.out = append(b.out, 0, 0, 4, byte(http2.FrameWindowUpdate), 0, 0, 0, 0, 0)
		b.out = binary.BigEndian.AppendUint32(b.out, b.taken)
		b.taken = 0
	}
	for range n {
		b.out = append(b.out, 0, 0, byte(len(b.block)), byte(http2.FrameHeaders), byte(http2.FlagHeadersEndHeaders|http2.FlagHeadersEndStream))
		b.out = binary.BigEndian.AppendUint32(b.out, b.next)
		b.out = append(b.out, b.block...)
		b.next += 2
	}
	if _, err := b.conn.Write(b.out); err != nil {
		b.tb.Fatal(err)
	}
	b.await(n)
}

// await reads until n streams have ended.
func (b *bench2) await(n int) {
	for at := 0; n > 0; {
		if b.have-at >= 9 {
			h := b.in[at:b.have]
			length := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
			if len(h) >= 9+length {
				switch kind, flags := http2.FrameType(h[3]), http2.Flags(h[4]); kind {
				case http2.FrameData, http2.FrameHeaders:
					if kind == http2.FrameData {
						b.taken += uint32(length)
					}
					if flags.Has(http2.FlagDataEndStream) {
						n--
					}
				case http2.FrameGoAway, http2.FrameRSTStream:
					b.tb.Fatalf("got %v: %x", kind, h[:9+length])
				}
				at += 9 + length
				continue
			}
		}
		b.have = copy(b.in, b.in[at:b.have])
		at = 0
		if n == 0 {
			return
		}
		m, err := b.conn.Read(b.in[b.have:])
		if err != nil {
			b.tb.Fatal(err)
		}
		b.have += m
	}
	b.have = 0
}

func benchHTTP2(b *testing.B, answer []byte, streams int) {
	f := newFront2(b, quick("\r\n\r\n", answer), func(s *conf.Server, _ *conf.App) {
		s.AccessLog, s.AccessLogFormat = filepath.Join(b.TempDir(), "access.log"), "combined"
	})
	c := f.bench2()
	for range 200 {
		c.trip(streams)
	}
	runtime.GC()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		c.trip(streams)
	}
}

// BenchmarkHTTP2Exchange is BenchmarkExchange in one stream after the other.
func BenchmarkHTTP2Exchange(b *testing.B) { benchHTTP2(b, benchAnswer, 1) }

// BenchmarkHTTP2Sixteen is sixteen of them at once.
func BenchmarkHTTP2Sixteen(b *testing.B) { benchHTTP2(b, benchAnswer, 16) }

func BenchmarkHTTP2LargeAnswer(b *testing.B) {
	benchHTTP2(b, append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), bytes.Repeat([]byte("x"), 100000)...), 1)
}

// TestSmallRequestOfHTTP2AllocatesLittle holds what the benchmark shows.
func TestSmallRequestOfHTTP2AllocatesLittle(t *testing.T) {
	if raceEnabled {
		return // sync.Pool drops what it is given at random then
	}
	c := newFront2(t, tinyApp, nil).bench2()
	for range 1000 {
		c.trip(1)
	}
	if n := testing.AllocsPerRun(5000, func() { c.trip(1) }); n > 10 {
		t.Errorf("%v allocations per request, want at most 10", n)
	}
}
