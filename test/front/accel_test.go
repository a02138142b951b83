package front

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// nginxSending is nginx as it is set up to send files for an app.
const nginxSending = `
worker_processes 1;
daemon off;
pid DIR/nginx.pid;
error_log DIR/nginx.err;
events { worker_connections 64; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  server {
    listen ADDR;
    location / {
      proxy_pass http://APP;
      proxy_set_header Host $host;
      proxy_set_header X-Sendfile-Type X-Accel-Redirect;
      proxy_set_header X-Accel-Mapping STORE/=/protected/;
    }
    location /protected/ { internal; alias STORE/; }
  }
}
`

// startNginx starts nginx before an app, and returns its address.
func startNginx(t *testing.T, app, store string) string {
	t.Helper()
	return harness.Nginx(t, t.TempDir(), strings.NewReplacer("APP", app, "STORE", store).Replace(nginxSending))
}

// A sender is an app that has files sent in its own way, which it is told in $SENDS_BY and $STORE.
type sender struct{ app harness.App }

// newStore is a folder with what senders have sent.
func newStore(t *testing.T) string {
	t.Helper()
	store := filepath.Join(harness.EmptyApp(t).Dir, "store")
	harness.WriteFile(t, store, "report.pdf", strings.Repeat("0123456789", 2000))
	harness.WriteFile(t, store, "sub/a b.txt", "text with a space in its name")
	harness.WriteFile(t, filepath.Dir(store), "secret.txt", "secret")
	if err := os.Symlink(filepath.Dir(store), filepath.Join(store, "out")); err != nil {
		t.Fatal(err)
	}
	return store
}

func (s sender) serve(t *testing.T, store, by, server string, keys ...string) *harness.Purser {
	t.Helper()
	keys = append([]string{harness.Processes(1), fmt.Sprintf("env = { SENDS_BY = %q, STORE = %q }", by, store)}, keys...)
	return harness.Serve(t, harness.Options{Config: harness.ServerTable(server) + harness.AppTable("app", s.app.Dir, keys...), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}})
}

// asked are requests of a browser that has, or has not, what it asks for.
func asked(etag, modified string) map[string]string {
	return map[string]string{
		"whole":               "",
		"a part":              "Range: bytes=100-199\r\n",
		"the end":             "Range: bytes=-5\r\n",
		"behind the end":      "Range: bytes=1000000-\r\n",
		"the same":            "If-None-Match: " + etag + "\r\n",
		"another":             "If-None-Match: \"x\"\r\n",
		"unmodified":          "If-Modified-Since: " + modified + "\r\n",
		"a part of the same":  "Range: bytes=1-2\r\nIf-Range: " + etag + "\r\n",
		"a part of another":   "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n",
		"only if it is other": "If-Match: \"x\"\r\n",
	}
}

// allowed are fields in which nginx and purser may differ: each says who it is and when it answers, and nginx does not
// repeat with a part that there are parts. What Rails says of a request is another each time. Pages of errors are each
// one's own, too.
var allowed = []string{"Server", "Date", "Connection", "Purser-Error", "Accept-Ranges", "X-Request-Id", "X-Runtime"}

func comparable(a harness.Answer) string {
	h := a.Header.Clone()
	for _, name := range allowed {
		h.Del(name)
	}
	if a.StatusCode >= 400 {
		a.Body = ""
		for _, name := range []string{"Content-Type", "Content-Length"} {
			h.Del(name)
		}
	}
	var b strings.Builder
	fmt.Fprintln(&b, a.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %q\n", name, h[name])
	}
	fmt.Fprintf(&b, "%d bytes %.40q", len(a.Body), a.Body)
	return b.String()
}

func askAt(t *testing.T, addr, method, path, lines string) harness.Answer {
	t.Helper()
	c := harness.Dial(t, &harness.Purser{Addr: addr})
	c.Send(method + " " + path + " HTTP/1.1\r\nHost: example.org\r\n" + lines + "Connection: close\r\n\r\n")
	return c.Answer(method)
}

// statusAndBytes are the first and the last line of what is comparable: with X-Sendfile more fields of the app are sent.
func statusAndBytes(comparable string) string {
	lines := strings.Split(comparable, "\n")
	return lines[0] + " " + lines[len(lines)-1]
}

// test holds purser against nginx, with the same app behind both.
func (s sender) test(t *testing.T) {
	t.Helper()
	store := newStore(t)
	ours := s.serve(t, store, "X-Accel-Redirect", "", fmt.Sprintf("[apps.app.accel]\n\"/protected/\" = %q", store))
	plain := s.serve(t, store, "X-Accel-Redirect", `trusted_proxies = ["127.0.0.0/8"]`)
	nginx := startNginx(t, plain.Addr, store)
	files := s.serve(t, store, "X-Sendfile", "", fmt.Sprintf("sendfile = [%q]", store))

	first := askAt(t, ours.Addr, "GET", "/report", "")
	if first.StatusCode != http.StatusOK || len(first.Body) != 20000 || first.Header.Get("X-Accel-Redirect") != "" {
		t.Fatalf("the first is %s", comparable(first))
	}
	compare := func(method, path, lines string) {
		t.Helper()
		want, got := comparable(askAt(t, nginx, method, path, lines)), comparable(askAt(t, ours.Addr, method, path, lines))
		if got != want {
			t.Errorf("%s %s %q\n purser %s\n nginx %s", method, path, lines, got, want)
		}
		if byFile := askAt(t, files.Addr, method, path, lines); path != "/escape" && statusAndBytes(comparable(byFile)) != statusAndBytes(want) {
			t.Errorf("%s %s %q by X-Sendfile\n is %s\n nginx %s", method, path, lines, comparable(byFile), want)
		}
	}
	for _, lines := range asked(first.Header.Get("Etag"), first.Header.Get("Last-Modified")) {
		compare("GET", "/report", lines)
		if !strings.Contains(lines, "Range") { // RFC 9110 section 14.2: it is defined for GET alone, and nginx heeds it with HEAD, too
			compare("HEAD", "/report", lines)
		}
	}
	compare("GET", "/text", "")
	compare("GET", "/text", "Range: bytes=5-8\r\n")
	for _, path := range []string{"/missing", "/escape", "/link"} {
		for who, p := range map[string]*harness.Purser{"X-Accel-Redirect": ours, "X-Sendfile": files} {
			if a := askAt(t, p.Addr, "GET", path, ""); a.StatusCode != http.StatusNotFound || a.Header.Get("Purser-Error") != "no_file" || strings.Contains(a.Body, "secret") {
				t.Errorf("%s by %s is %s", path, who, comparable(a))
			}
		}
	}
	if a := askAt(t, ours.Addr, "GET", "/protected/report.pdf", ""); a.StatusCode == http.StatusOK {
		t.Errorf("what only the app may name is open to all: %s", comparable(a))
	}
}

func TestRailsHasFilesSentAsBehindNginx(t *testing.T) {
	t.Parallel()
	app := harness.RailsApp(t)
	app.Write("config/routes.rb", "Rails.application.routes.draw do\n  get ':action', controller: 'files'\nend\n")
	app.Write("config/initializers/sends.rb", "Rails.application.config.action_dispatch.x_sendfile_header = ENV['SENDS_BY']\n")
	app.Write("app/controllers/files_controller.rb", `class FilesController < ActionController::Base
  def report = send_file("#{ENV['STORE']}/report.pdf")
  def text
    cookies[:seen] = "1"
    send_file "#{ENV['STORE']}/sub/a b.txt", type: "text/plain", disposition: "inline"
  end
  def missing = named("none.txt")
  def escape = named("sub/../../secret.txt")
  def link = named("out/secret.txt")

  private

  def named(name)
    response.headers[ENV['SENDS_BY']] = (ENV['SENDS_BY'] == 'X-Sendfile' ? ENV['STORE'] : '/protected') + "/" + name
    head :ok
  end
end
`)
	sender{app}.test(t)
}

func TestDjangoHasFilesSentAsBehindNginx(t *testing.T) {
	t.Parallel()
	app := harness.EmptyApp(t)
	cmd := exec.Command("/usr/bin/django-admin", "startproject", "mysite", ".")
	cmd.Dir = app.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot make a Django: %v\n%s", err, out)
	}
	app.Write("mysite/urls.py", `import os
from django.http import HttpResponse
from django.urls import path
from urllib.parse import quote

def named(name, content_type="", **headers):
    by = os.environ["SENDS_BY"]
    def view(request):
        response = HttpResponse(content_type=content_type)
        response[by] = os.environ["STORE"] + "/" + name if by == "X-Sendfile" else "/protected/" + quote(name)
        for field, value in headers.items():
            response[field.replace("_", "-")] = value
        return response
    return view

urlpatterns = [
    path("report", named("report.pdf", Content_Disposition='attachment; filename="report.pdf"', Cache_Control="private, max-age=60")),
    path("text", named("sub/a b.txt", content_type="text/x-own", ETag='"of the app"', X_Own="1")),
    path("missing", named("none.txt")),
    path("escape", named("sub/../../secret.txt")),
    path("link", named("out/secret.txt")),
]
`)
	settings, err := os.ReadFile(app.Path("mysite/settings.py"))
	if err != nil {
		t.Fatal(err)
	}
	app.Write("mysite/settings.py", strings.Replace(string(settings), "ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['*']", 1))
	sender{app}.test(t)
}

func TestExpressHasFilesSentAsBehindNginx(t *testing.T) {
	t.Parallel()
	app := harness.NPMApp(t, "express")
	app.Write("app.js", `const express = require('express');
const app = express();
const by = process.env.SENDS_BY;
const named = name => by === 'X-Sendfile' ? process.env.STORE + '/' + name : '/protected/' + encodeURI(name);
const sends = (path, name, fields) => app.get(path, (req, res) => res.set(by, named(name)).set(fields || {}).end());
sends('/report', 'report.pdf', { 'Content-Disposition': 'attachment; filename="report.pdf"', 'Set-Cookie': ['a=1', 'b=2'] });
sends('/text', 'sub/a b.txt', { 'Content-Type': 'text/x-own', 'Cache-Control': 'no-store' });
sends('/missing', 'none.txt');
sends('/escape', 'sub/../../secret.txt');
sends('/link', 'out/secret.txt');
module.exports = app;
`)
	sender{app}.test(t)
}
