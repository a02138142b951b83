package front

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// filesOfNginx is nginx with the same folder of files, and the rules that purser has by itself.
const filesOfNginx = `
worker_processes 1; daemon off; master_process off;
pid DIR/nginx.pid; error_log DIR/nginx.err;
events { worker_connections 64; }
http {
  access_log off; default_type application/octet-stream;
  types { text/html html; text/css css; text/javascript js; text/plain txt; }
  charset utf-8; charset_types text/css text/javascript text/plain;
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  absolute_redirect off; gzip_static on; gzip_vary on; max_ranges 100;
  server { listen ADDR; root PUBLIC; location / { try_files $uri $uri.html $uri/ =404; } }
}
`

var boundary = regexp.MustCompile(`(?i)(boundary=|--)[0-9A-Z]{20,}`)

// askedAt is what of an answer must be the same: all but what is each server's own.
func askedAt(t *testing.T, addr, method, path, lines string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := &harness.Conn{T: t, Net: conn, In: bufio.NewReader(conn)}
	c.Send(method + " " + path + " HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n" + lines + "\r\n")
	a := c.Answer(method)
	said := fmt.Sprintf("%d", a.StatusCode)
	if a.StatusCode >= 400 && a.StatusCode != 416 {
		return said // each has pages of its own
	}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Range", "ETag", "Last-Modified", "Location", "Vary"} {
		if value := a.Header.Get(name); value != "" && (a.StatusCode < 300 || name == "Location" || a.StatusCode == 304 || name == "Content-Range") {
			said += "\n" + name + ": " + value
		}
	}
	if a.StatusCode < 300 {
		said += "\n" + a.Body
	}
	return boundary.ReplaceAllString(said, "${1}BOUNDARY")
}

func TestFilesAreAnsweredAsByNginx(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	written := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, text := range map[string]string{"a.txt": "0123456789", "page.html": "page", "docs/index.html": "docs", "index.css": "css", "index.css.gz": "css as gzip", "empty.txt": ""} {
		harness.WriteFile(t, app.Dir, "public/"+name, text)
		if err := os.Chtimes(filepath.Join(app.Dir, "public", name), written, written); err != nil {
			t.Fatal(err)
		}
	}
	nginx := harness.Nginx(t, t.TempDir(), strings.ReplaceAll(filesOfNginx, "PUBLIC", filepath.Join(app.Dir, "public")))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + harness.AppTable("app", app.Dir, harness.Processes(1))})
	const tag, date, earlier, later = `"65bdbb72-a"`, "Sat, 03 Feb 2024 04:05:06 GMT", "Sat, 03 Feb 2024 04:05:05 GMT", "Sat, 03 Feb 2024 04:05:07 GMT"
	for _, line := range []string{"", "If-None-Match: " + tag, "If-None-Match: W/" + tag, "If-None-Match: *", `If-None-Match: "x"`, `If-None-Match: "x", ` + tag,
		"If-Modified-Since: " + date, "If-Modified-Since: " + earlier, "If-Modified-Since: " + later, "If-Modified-Since: never",
		`If-None-Match: "x"` + "\r\nIf-Modified-Since: " + date, "If-Match: " + tag, "If-Match: *", `If-Match: "x"`, "If-Match: W/" + tag,
		"If-Unmodified-Since: " + date, "If-Unmodified-Since: " + earlier, "If-Unmodified-Since: " + later, "If-Match: " + tag + "\r\nIf-None-Match: " + tag,
		"Range: bytes=2-4", "Range: bytes=7-", "Range: bytes=-3", "Range: bytes=0-0", "Range: bytes=7-100", "Range: bytes=-100", "Range: bytes=10-", "Range: bytes=10-20",
		"Range: bytes=0-1,5-6", "Range: bytes=5-6,0-1", "Range: bytes=0-1,20-30", "Range: bytes=20-30,40-50", "Range: lines=0-1", "Range: bytes=2-4\r\nIf-Range: " + tag,
		"Range: bytes=2-4\r\nIf-Range: " + date, "Range: bytes=2-4\r\nIf-Range: " + earlier, `Range: bytes=2-4` + "\r\n" + `If-Range: "x"`, "Range: bytes=2-4\r\nIf-None-Match: " + tag} {
		sameAsNginx(t, p, nginx, "GET", "/a.txt", line)
	}
	for _, path := range []string{"/docs/", "/docs", "/docs?a=b&c=%2f", "/page", "/page.html", "/index.css", "/empty.txt", "/%61.txt", "/docs/../a.txt", "//a.txt"} {
		sameAsNginx(t, p, nginx, "GET", path, "")
		sameAsNginx(t, p, nginx, "HEAD", path, "")
	}
	for _, line := range []string{"Range: bytes=4-2", "Range: bytes=x", "Range: bytes=0-5,3-9", "Range: bytes=-0"} {
		if ours, theirs := askedAt(t, p.Addr, "GET", "/a.txt", line+"\r\n"), askedAt(t, nginx, "GET", "/a.txt", line+"\r\n"); ours != theirs {
			t.Logf("a choice of our own: %s: purser %.3s, nginx %.3s", line, ours, theirs)
		}
	}
	for _, addr := range []string{p.Addr, nginx} {
		if got := askedAt(t, addr, "GET", "/index.css", "Accept-Encoding: gzip, br\r\n"); !strings.Contains(got, "\ncss as gzip") || !strings.Contains(got, "Content-Encoding: gzip") {
			t.Errorf("what lies compressed: %s", got)
		}
	}
}

func sameAsNginx(t *testing.T, p *harness.Purser, nginx, method, path, line string) {
	t.Helper()
	lines := ""
	if line != "" {
		lines = line + "\r\n"
	}
	if ours, theirs := askedAt(t, p.Addr, method, path, lines), askedAt(t, nginx, method, path, lines); ours != theirs {
		t.Errorf("%s %s with %q:\npurser: %s\nnginx: %s", method, path, line, ours, theirs)
	}
}

func TestFilesAreKeptAsTheTableSaysAndAReloadChangesThat(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	harness.WriteFile(t, app.Dir, "public/assets/app-4f5c3a1b.js", "script")
	harness.WriteFile(t, app.Dir, "public/robots.txt", "robots")
	table := harness.ServerTable() + harness.AppTable("app", app.Dir, harness.Processes(1))
	p := harness.Serve(t, harness.Options{Config: table})
	expect := func(path, want string) {
		t.Helper()
		if a := harness.Get(t, p, path); a.StatusCode != 200 || a.Header.Get("Cache-Control") != want {
			t.Errorf("%s: %d with %q, want %q", path, a.StatusCode, a.Header.Get("Cache-Control"), want)
		}
	}
	expect("/robots.txt", "")
	expect("/assets/app-4f5c3a1b.js", "public, max-age=31536000, immutable")
	pid := p.Status(t, "app").Processes[0].PID
	text, err := os.ReadFile(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Config, append(text, "[apps.app.files]\nmax_age = \"1h\"\nfingerprinted = false\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Fatalf("reload: %d %s", r.Code, r.Stderr)
	}
	expect("/robots.txt", "public, max-age=3600")
	expect("/assets/app-4f5c3a1b.js", "public, max-age=3600")
	if now := p.Status(t, "app").Processes[0].PID; now != pid {
		t.Errorf("a process was started for it: %d, before it was %d", now, pid)
	}
}
