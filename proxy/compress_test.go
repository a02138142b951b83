package proxy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"purser/conf"
)

// compressing turns it on for an app.
func compressing(encodings ...string) func(*conf.Server, *conf.App) {
	return func(_ *conf.Server, a *conf.App) {
		a.Compress = conf.DefaultApp("").Compress
		a.Compress.Encodings = encodings
	}
}

// longPage is a text that is worth it.
var longPage = strings.Repeat("<p>a page</p>\n", 200)

// begins is an answer's head with further header lines, "|" between.
func begins(lines string) string {
	return "HTTP/1.1 200 OK\r\n" + strings.ReplaceAll(lines, "|", "\r\n") + "\r\n"
}

// withLength is an answer with that body.
func withLength(lines, body string) string {
	return begins(lines) + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// takes asks for a path and says what codings are taken; the answer comes as it is.
func (c *visitor) takes(codings, method, path string, lines ...string) (*http.Response, string) {
	c.t.Helper()
	return c.fetch(method, path, append(lines, "Accept-Encoding: "+codings)...)
}

// decoded is a body as Content-Encoding says it is to be read.
func decoded(t testing.TB, res *http.Response, body string) string {
	t.Helper()
	var from io.Reader = strings.NewReader(body)
	switch coding := res.Header.Get("Content-Encoding"); coding {
	case "gzip":
		r, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		from = r
	case "zstd":
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		from = r
	case "br":
		from = brotli.NewReader(from)
	default:
		t.Fatalf("the answer is encoded by %q", coding)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatalf("the answer cannot be decoded: %v", err)
	}
	return string(text)
}

func TestAnswersAreCompressedAsTheClientLikes(t *testing.T) {
	f := newFront(t, answering(withLength(`Content-Type: Text/HTML; charset=utf-8|ETag: "v1"|Accept-Ranges: bytes|Vary: Cookie`, longPage)), compressing("zstd", "br", "gzip"))
	c := f.dial()
	for accept, want := range map[string]string{"gzip, deflate, br, zstd": "zstd", "gzip, br": "br", "gzip, zstd;q=0.5": "gzip"} {
		res, body := c.takes(accept, "GET", "/")
		if got := decoded(t, res, body); got != longPage || res.Header.Get("Content-Encoding") != want {
			t.Errorf("%s: got %d bytes by %q", accept, len(got), res.Header.Get("Content-Encoding"))
		}
		if len(body) > len(longPage)/5 {
			t.Errorf("%s: %d bytes of %d are left", accept, len(body), len(longPage))
		}
		for name, want := range map[string]string{"ETag": `W/"v1"`, "Vary": "Cookie, Accept-Encoding", "Accept-Ranges": "", "Content-Length": ""} {
			if got := strings.Join(res.Header.Values(name), "|"); got != want {
				t.Errorf("%s: %s is %q, want %q", accept, name, got, want)
			}
		}
		plain, nothing := c.takes(accept, "HEAD", "/")
		res.Header.Del("Date")
		plain.Header.Del("Date")
		if fmt.Sprint(plain.Header) != fmt.Sprint(res.Header) || nothing != "" {
			t.Errorf("%s: HEAD has %v, GET %v", accept, plain.Header, res.Header)
		}
	}
	for _, accept := range []string{"identity", "deflate", "*;q=0"} { // that it depends on what is asked for is said all the same
		res, body := c.takes(accept, "GET", "/")
		if body != longPage || res.Header.Get("ETag") != `"v1"` || res.Header.Get("Vary") != "Cookie, Accept-Encoding" || res.Header.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%s: got %d bytes, %v", accept, len(body), res.Header)
		}
	}
	old := f.dial()
	res, body := old.send("GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n").answer("GET")
	if body != longPage || res.Header.Get("Vary") != "Cookie, Accept-Encoding" {
		t.Errorf("HTTP/1.0: got %d bytes, %v", len(body), res.Header)
	}
}

func TestWhatMustNotBeCompressedIsLeftAlone(t *testing.T) {
	for name, answer := range map[string]string{
		"too small":            withLength("Content-Type: text/html", longPage[:1000]),
		"another type":         withLength("Content-Type: image/png", longPage),
		"no type":              withLength("X-A: b", longPage),
		"encoded already":      withLength("Content-Type: text/html|Content-Encoding: br", longPage),
		"no-transform":         withLength("Content-Type: text/html|Cache-Control: public, No-Transform", longPage),
		"a digest":             withLength("Content-Type: text/html|Repr-Digest: sha-256=:AA==:", longPage),
		"an event stream":      withLength("Content-Type: text/event-stream", "data: "+longPage+"\n\n"),
		"a part":               strings.Replace(withLength("Content-Type: text/html|Content-Range: bytes 0-2799/9000", longPage), "200 OK", "206 Partial Content", 1),
		"a range by 200":       withLength("Content-Type: text/html|Content-Range: bytes 0-2799/9000", longPage),
		"nothing":              withLength("Content-Type: text/html", ""),
		"no content can be":    "HTTP/1.1 204 No Content\r\nContent-Type: text/html\r\n\r\n",
		"no content but a tag": "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before, sent := newFront(t, answering(answer), nil).dial().takes("gzip", "GET", "/")
			res, body := newFront(t, answering(answer), compressing("gzip")).dial().takes("gzip", "GET", "/")
			before.Header.Del("Date")
			res.Header.Del("Date")
			if res.StatusCode != before.StatusCode || body != sent || fmt.Sprint(res.Header) != fmt.Sprint(before.Header) {
				t.Errorf("got %d %v and %d bytes, without compression %d %v and %d", res.StatusCode, res.Header, len(body), before.StatusCode, before.Header, len(sent))
			}
		})
	}
}

func TestAClientThatForbidsItGetsItAsItIs(t *testing.T) {
	f := newFront(t, answering(withLength("Content-Type: text/html", longPage)), compressing("gzip"))
	res, body := f.dial().takes("gzip", "GET", "/", "Cache-Control: no-transform")
	if body != longPage || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %d bytes, %v", len(body), res.Header)
	}
}

func TestVaryIsSaidOnce(t *testing.T) {
	for said, want := range map[string]string{"": "Accept-Encoding", "|Vary: accept-encoding": "accept-encoding", "|Vary: *": "*",
		"|Vary: Cookie, Accept-Encoding": "Cookie, Accept-Encoding", "|Vary: Cookie|Vary: Origin": "Cookie, Accept-Encoding|Origin"} {
		f := newFront(t, answering(withLength("Content-Type: text/html"+said, longPage)), compressing("gzip"))
		res, _ := f.dial().takes("gzip", "GET", "/")
		if got := strings.Join(res.Header.Values("Vary"), "|"); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}

// TestA304NamesTheTagThatTheClientHas, as apps do not know that it was made weak on the way.
func TestA304NamesTheTagThatTheClientHas(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n"), compressing("gzip"))
	c := f.dial()
	for asked, want := range map[string]string{`W/"v1"`: `W/"v1"`, `"v1"`: `"v1"`, `W/"other", "v1"`: `"v1"`} {
		res, _ := c.takes("gzip", "GET", "/", "If-None-Match: "+asked)
		if got := res.Header.Get("ETag"); res.StatusCode != 304 || got != want || (res.Header.Get("Vary") != "") != (asked == want && want[0] == 'W') {
			t.Errorf("%s: got %d, %v", asked, res.StatusCode, res.Header)
		}
	}
}

// TestWhatComesBeforeAPauseIsSentBeforeIt: the app writes a piece only once the client has read the one before.
func TestWhatComesBeforeAPauseIsSentBeforeIt(t *testing.T) {
	for _, kind := range []string{"text/html", "text/event-stream"} {
		next := make(chan string)
		f := newFront(t, func(_ testing.TB, c *appConn) {
			if head, _ := c.request(); head == "" {
				return
			}
			c.send("%s", begins("Content-Type: "+kind+"|Transfer-Encoding: chunked")+"\r\n")
			for piece := range next {
				c.send("%x\r\n%s\r\n", len(piece), piece)
			}
			c.send("0\r\n\r\n")
		}, func(s *conf.Server, a *conf.App) {
			compressing("gzip")(s, a)
			a.Compress.Types = append(a.Compress.Types, "text/event-stream")
		})
		end := sync.OnceFunc(func() { close(next) })
		t.Cleanup(end)
		c := f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
		res, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		var text io.Reader
		for _, piece := range []string{"data: one\n\n", "data: two\n\n", "data: three\n\n"} {
			next <- piece
			if text == nil {
				if text, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			got := make([]byte, len(piece))
			if _, err := io.ReadFull(text, got); err != nil || string(got) != piece {
				t.Fatalf("%s: got %q, %v", kind, got, err)
			}
		}
		end()
		if rest, err := io.ReadAll(text); err != nil || len(rest) > 0 {
			t.Errorf("%s: then %q, %v", kind, rest, err)
		}
	}
}

// TestAnAnswerThatIsCutIsSeenToBe, and the encoder of each is given back: many more are cut than there are.
func TestAnAnswerThatIsCutIsSeenToBe(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if head, _ := c.request(); head != "" {
			c.send("%s", begins("Content-Type: text/html|Content-Length: 9999")+"\r\n"+longPage)
		}
	}, compressing("gzip"))
	for range 300 {
		c := f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
		res, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			continue // cut before it was begun
		}
		if res.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("it is not compressed: %v", res.Header)
		}
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Fatal("it ends in order")
		}
		_ = c.Close()
	}
}

func TestTrailersFollowWhatIsCompressed(t *testing.T) {
	f := newFront(t, answering(begins("Content-Type: text/html|Transfer-Encoding: chunked")+
		fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", len(longPage), longPage)), compressing("br"))
	res, body := f.dial().takes("br", "GET", "/", "TE: trailers")
	if got := decoded(t, res, body); got != longPage || res.Trailer.Get("X-Sum") != "1" {
		t.Errorf("got %d bytes, trailers %v", len(got), res.Trailer)
	}
}

func TestStaticFilesAreCompressedByTypeAndSize(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	large := strings.Repeat(longPage, 400)
	f, _ := newFiles(t, func(s *conf.Server, a *conf.App) {
		compressing("gzip")(s, a)
		s.AccessLog, s.AccessLogFormat = log, "combined"
	}, "longPage.html", longPage, "larger.css", large[:300_000], "large.css", large, "small.css", longPage[:100], "logo.png", longPage)
	c := f.dial()
	for path, want := range map[string]string{"/longPage.html": longPage, "/larger.css": large[:300_000]} {
		res, body := c.takes("gzip", "GET", path)
		if decoded(t, res, body) != want || !strings.HasPrefix(res.Header.Get("ETag"), `W/"`) || res.Header.Get("Accept-Ranges") != "" {
			t.Errorf("%s: got %d bytes, %v", path, len(body), res.Header)
		}
		again, _ := c.takes("gzip", "GET", path, "If-None-Match: "+res.Header.Get("ETag"))
		if again.StatusCode != 304 || again.Header.Get("ETag") != res.Header.Get("ETag") {
			t.Errorf("%s: once it is known, got %d %v", path, again.StatusCode, again.Header)
		}
		f.await("the log", func() bool {
			b, _ := os.ReadFile(log)
			return strings.Contains(string(b), fmt.Sprintf("%s HTTP/1.1\" 200 %d ", path, len(body)))
		})
	}
	for path, length := range map[string]int{"/large.css": len(large), "/small.css": 100, "/logo.png": len(longPage)} {
		if res, body := c.takes("gzip", "GET", path); len(body) != length || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: got %d bytes, %v", path, len(body), res.Header)
		}
	}
	if res, body := c.takes("gzip", "GET", "/longPage.html", "Range: bytes=0-2"); res.StatusCode != 206 || body != longPage[:3] {
		t.Errorf("a part: got %d %q", res.StatusCode, body)
	}
}

func TestCompressedAnswersComeOverHTTP2(t *testing.T) {
	f := newFront(t, answering(withLength("Content-Type: text/html", longPage)), compressing("zstd"))
	call := f.call("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\n\r\n").serve()
	res := &http.Response{Header: http.Header{"Content-Encoding": {call.fields["Content-Encoding"]}}}
	if got := decoded(t, res, call.content()); got != longPage || call.length != -1 {
		t.Errorf("got %d bytes, length %d", len(got), call.length)
	}
}

func TestCompressionHoldsAtOnceAfterAChange(t *testing.T) {
	f := newFront(t, answering(withLength("Content-Type: text/html", longPage)), nil)
	c := f.dial()
	if res, _ := c.takes("gzip", "GET", "/"); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "" {
		t.Errorf("without compression: %v", res.Header)
	}
	f.config.Apps[0].Compress = conf.DefaultApp("").Compress
	f.config.Apps[0].Compress.Encodings = []string{"gzip"}
	f.server.Change(f.config)
	if res, body := c.takes("gzip", "GET", "/"); decoded(t, res, body) != longPage {
		t.Errorf("with it: %v", res.Header)
	}
}

func BenchmarkCompressedPage(b *testing.B) {
	f := newFront(b, quick("\r\n\r\n", []byte(withLength("Content-Type: text/html|ETag: \"v1\"", longPage))), compressing("gzip"))
	benchTrips(b, f, []byte("GET / HTTP/1.1\r\nHost: bench.example\r\nAccept-Encoding: gzip, br\r\n\r\n"), []byte("\r\n0\r\n\r\n"))
}
