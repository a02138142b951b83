package front

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"purser/test/harness"
)

// pageApp is a Node app with a page, whose tag is strong, and a stream that writes the next line when it is asked to.
const pageApp = `
const http = require("http")
const page = "<p>a page of some length</p>\n".repeat(800)
let stream
http.createServer((req, res) => {
  if (req.url == "/next") { if (stream) stream.write("another line\n"); res.end(stream ? "yes" : "no"); return }
  if (req.headers["if-none-match"] == 'W/"1"') { res.writeHead(304, {"ETag": '"1"'}); res.end(); return }
  res.setHeader("Content-Type", "text/html; charset=utf-8")
  if (req.url == "/stream") { stream = res; res.write("the first line\n"); return }
  res.setHeader("ETag", '"1"')
  res.setHeader("Content-Length", page.length)
  res.end(req.method == "HEAD" ? "" : page)
}).listen(process.env.PURSER_SOCKET)
`

func servePages(t *testing.T, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("pages.js", pageApp)
	keys = append([]string{`command = ["node", "pages.js"]`, harness.Processes(1)}, keys...)
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable("h2c = true") + harness.AppTable("app", app.Dir, keys...)})
	harness.AwaitReady(t, p, 1)
	return p, app
}

// askCoded asks for a path and says what codings are taken.
func askCoded(t *testing.T, c *http.Client, method, url, codings string, fields ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", codings) // so that Go's client leaves the answer as it is
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func http1(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: harness.Patience}
}

func TestAPageIsCompressedAsBehindNginx(t *testing.T) {
	t.Parallel()
	p, _ := servePages(t, `compress.encodings = ["gzip"]`)
	nginx := nginxBefore(t, p)
	for name, c := range map[string]*http.Client{"HTTP/1.1": http1(t), "HTTP/2": h2c(t)} {
		got, body := askCoded(t, c, "GET", "http://"+p.Addr+"/", "gzip, br")
		want, behind := askCoded(t, http1(t), "GET", "http://"+nginx+"/", "gzip, br")
		if text := unzipped(t, body); text != unzipped(t, behind) || len(text) < 20_000 {
			t.Errorf("%s: the page has %d bytes, behind nginx %d", name, len(text), len(unzipped(t, behind)))
		}
		for _, field := range []string{"Content-Encoding", "Etag", "Vary", "Content-Type", "Accept-Ranges", "Content-Length"} {
			if g, w := got.Header.Get(field), want.Header.Get(field); g != w {
				t.Errorf("%s: %s is %q, behind nginx %q", name, field, g, w)
			}
		}
		if again, _ := askCoded(t, c, "GET", "http://"+p.Addr+"/", "gzip", "If-None-Match: "+got.Header.Get("Etag")); again.StatusCode != 304 || again.Header.Get("Etag") != `W/"1"` {
			t.Errorf("%s: when it is known, the answer is %s with the tag %s", name, again.Status, again.Header.Get("Etag"))
		}
		head, _ := askCoded(t, c, "HEAD", "http://"+p.Addr+"/", "gzip")
		if head.Header.Get("Content-Encoding") != "gzip" || head.Header.Get("Content-Length") != "" {
			t.Errorf("%s: to HEAD %v is said", name, head.Header)
		}
	}
}

func unzipped(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// nginxBefore starts an nginx that compresses what it gets from purser, which is told that this client takes no codings.
func nginxBefore(t *testing.T, p *harness.Purser) (addr string) {
	t.Helper()
	dir, addr := harness.EmptyApp(t).Dir, harness.FreeAddr()
	file := filepath.Join(dir, "nginx.conf")
	harness.WriteFile(t, dir, "nginx.conf", fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log; events {}
http {
  access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server {
    listen %[2]s;
    location / { proxy_pass http://%[3]s; proxy_http_version 1.1; proxy_set_header Accept-Encoding ""; gzip on; gzip_vary off; }
  }
}`, dir, addr, p.Addr))
	cmd := exec.Command("nginx", "-c", file, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	harness.Eventually(t, harness.Patience, "nginx answers", func() bool {
		res, err := http.Get("http://" + addr + "/")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	})
	return addr
}

func TestALineIsSentThoughTheAnswerGoesOn(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"gzip", "br", "zstd"} {
		p, _ := servePages(t, fmt.Sprintf("compress.encodings = [%q]", coding))
		for name, c := range map[string]*http.Client{"HTTP/1.1": http1(t), "HTTP/2": h2c(t)} {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.Addr+"/stream", nil)
			req.Header.Set("Accept-Encoding", coding)
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if res.Header.Get("Content-Encoding") != coding {
				t.Fatalf("%s: it is not compressed: %v", name, res.Header)
			}
			lines := linesOf(t, coding, res.Body)
			for i, want := range []string{"the first line", "another line", "another line"} {
				if i > 0 {
					askCoded(t, http1(t), "GET", "http://"+p.Addr+"/next", "identity")
				}
				if got, err := lines.ReadString('\n'); err != nil || got != want+"\n" {
					t.Fatalf("%s, %s: got %q, %v", name, coding, got, err)
				}
			}
			_ = res.Body.Close()
		}
	}
}

// linesOf are those of an answer that is encoded.
func linesOf(t *testing.T, coding string, from io.Reader) *bufio.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		r, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewReader(r)
	case "zstd":
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return bufio.NewReader(r)
	}
	return bufio.NewReader(brotli.NewReader(from))
}

func TestCompressionIsTurnedOnWithoutARestart(t *testing.T) {
	t.Parallel()
	p, app := servePages(t)
	before := p.Status(t, "app").Processes[0].PID
	if res, _ := askCoded(t, http1(t), "GET", "http://"+p.Addr+"/", "zstd"); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "" {
		t.Errorf("by default: %v", res.Header)
	}
	config := strings.ReplaceAll(harness.ServerTable("h2c = true"), "$LISTEN", p.Addr) +
		harness.AppTable("app", app.Dir, `command = ["node", "pages.js"]`, harness.Processes(1), `compress.encodings = ["zstd"]`)
	harness.WriteFile(t, filepath.Dir(p.Config), filepath.Base(p.Config), config)
	if result := p.Run(harness.Within(t), "reload"); result.Code != 0 {
		t.Fatalf("purser reload exited with %d: %s", result.Code, result.Stderr)
	}
	harness.Eventually(t, harness.Patience, "answers are compressed", func() bool {
		res, _ := askCoded(t, http1(t), "GET", "http://"+p.Addr+"/", "zstd")
		return res.Header.Get("Content-Encoding") == "zstd"
	})
	if now := p.Status(t, "app").Processes[0].PID; now != before {
		t.Errorf("process %d has taken the place of %d", now, before)
	}
}
