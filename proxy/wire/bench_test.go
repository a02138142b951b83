package wire

import (
	"slices"
	"strings"
	"testing"
)

// A small GET as load generators send it.
const smallGET = "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nConnection: keep-alive\r\n\r\n"

// A GET as a browser sends it, with 15 header lines.
const browserGET = "GET /articles/2024/05/the-long-way-round?page=2&sort=date HTTP/1.1\r\n" +
	"Host: blog.example.org\r\n" +
	"Connection: keep-alive\r\n" +
	"Cache-Control: max-age=0\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Referer: https://blog.example.org/articles\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: _session=b8f3c1d2e4a5968778695a4b3c2d1e0f; theme=dark; consent=1\r\n\r\n"

// A small answer as frameworks send it.
const smallAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Date: Tue, 21 May 2024 10:00:00 GMT\r\nConnection: keep-alive\r\nContent-Length: 12\r\n\r\n"

// parseRequestHead returns what a connection does for each request.
func parseRequestHead(tb testing.TB, head string) func() {
	var r Request
	buf := []byte(head)
	return func() {
		end, _, err := HeadEnd(buf, 0, true)
		if err == nil {
			err = r.Parse(buf[:end])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// parseAnswerHead returns what an exchange does for each answer.
func parseAnswerHead(tb testing.TB, head string) func() {
	var r Response
	buf := []byte(head)
	return func() {
		end, _, err := HeadEnd(buf, 0, false)
		if err == nil {
			err = r.Parse(buf[:end], false)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func benchmark(b *testing.B, bytes int, work func()) {
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		work()
	}
}

func BenchmarkSmallGET(b *testing.B) { benchmark(b, len(smallGET), parseRequestHead(b, smallGET)) }
func BenchmarkBrowserGET(b *testing.B) {
	benchmark(b, len(browserGET), parseRequestHead(b, browserGET))
}
func BenchmarkSmallAnswer(b *testing.B) {
	benchmark(b, len(smallAnswer), parseAnswerHead(b, smallAnswer))
}

// BenchmarkNominations is the head that makes the most work of Connection options.
func BenchmarkNominations(b *testing.B) {
	head := with(append([]string{"Connection: " + strings.Repeat("b,", maxFields-1) + "b"}, slices.Repeat([]string{"c: d"}, maxFields-2)...)...)
	benchmark(b, len(head), parseRequestHead(b, head))
}

func BenchmarkChunk(b *testing.B) {
	body := "400\r\n" + strings.Repeat("x", 0x400) + "\r\n0\r\n\r\n"
	benchmark(b, len(body), decodeChunks(b, body))
}

func BenchmarkPath(b *testing.B) {
	path := "/articles/2024/05/../06//the%2dlong%2Fway/round"
	benchmark(b, len(path), normalise(b, path, "blog.example.org:443"))
}

// TestParsingAllocatesNothing holds what the benchmarks show.
func TestParsingAllocatesNothing(t *testing.T) {
	for name, work := range map[string]func(){
		"small GET":       parseRequestHead(t, smallGET),
		"browser's GET":   parseRequestHead(t, browserGET),
		"WebSocket":       parseRequestHead(t, webSocket("GET", "1.1")),
		"absolute target": parseRequestHead(t, line("GET http://b.test HTTP/1.1")),
		"small answer":    parseAnswerHead(t, smallAnswer),
		"folded answer":   parseAnswerHead(t, "HTTP/1.0 404\nA : b\n c\nSet-Cookie: d\n\n"),
		"chunks":          decodeChunks(t, "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
		"path":            normalise(t, "/a//b/%2e%2e/./c%2f", "A.test.:80"),
	} {
		if n := testing.AllocsPerRun(100, work); n > 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// decodeChunks returns what an exchange does for each chunked body.
func decodeChunks(tb testing.TB, body string) func() {
	var d Chunked
	buf := []byte(body)
	return func() {
		d.Reset(ByClient)
		for in := buf; !d.Done(); {
			_, n, err := d.Next(in)
			if err != nil {
				tb.Fatal(err)
			}
			in = in[n:]
		}
	}
}

// normalise returns what routing does for each request.
func normalise(tb testing.TB, path, host string) func() {
	p, h, dst := []byte(path), []byte(host), make([]byte, 0, 128)
	return func() {
		if _, err := NormalPath(dst, p); err != nil || len(NormalHost(dst, h)) == 0 {
			tb.Fatal(err)
		}
	}
}
