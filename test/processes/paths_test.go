package processes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// What each app says of a request: the host that it is configured for, and what it finds of the path.
const (
	nodeSays = `require('http').createServer((q, r) => r.end([process.env.PURSER_APP, q.url, process.env.SCRIPT_NAME || '', process.env.RAILS_RELATIVE_URL_ROOT || ''].join(' '))).listen(process.env.PORT || 3000)`
	wsgiSays = `import os
def application(environ, start):
    start("200 OK", [])
    return [" ".join([os.environ["PURSER_APP"], environ["PATH_INFO"], environ["SCRIPT_NAME"], os.environ.get("RAILS_RELATIVE_URL_ROOT", "")]).encode()]
`
)

// More that say so.
const (
	rackSays = `run ->(env) { [200, {}, [[ENV["PURSER_APP"], env["PATH_INFO"], env["SCRIPT_NAME"], ENV["RAILS_RELATIVE_URL_ROOT"]].join(" ")]] }`
	asgiSays = `import os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path, root = scope["path"], scope["root_path"]
    text = " ".join([os.environ["PURSER_APP"], path.removeprefix(root), root, os.environ.get("RAILS_RELATIVE_URL_ROOT", "")])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
`
)

// The folder that an app is at is its first page, with and without the slash.
func TestThePathOfAnAppReachesItWithAndWithoutItsSlash(t *testing.T) {
	t.Parallel()
	rack, asgi, main := harness.EmptyApp(t), harness.EmptyApp(t), harness.EmptyApp(t)
	rack.Write("config.ru", rackSays)
	asgi.Write("asgi.py", asgiSays)
	main.Write("app.js", nodeSays)
	one := "max_processes = 1"
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + harness.AppTable("main", main.Dir, one) +
		harness.AppTable("rack", rack.Dir, `path = "/rack"`, one) + harness.AppTable("forked", rack.Dir, `path = "/forked"`, "preload = true", one) +
		harness.AppTable("asgi", asgi.Dir, `path = "/asgi"`, `interpreter = "/usr/bin/python3"`, one)})
	for path, want := range map[string]string{
		"/rack": "rack  /rack /rack", "/rack/": "rack / /rack /rack", "/rack/x": "rack /x /rack /rack", "/racks": "main /racks  ",
		"/forked": "forked  /forked /forked", "/forked/": "forked / /forked /forked",
		"/asgi": "asgi  /asgi /asgi", "/asgi/": "asgi / /asgi /asgi", "/asgi/x": "asgi /x /asgi /asgi",
	} {
		a := harness.Ask(t, p, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path))
		if a.StatusCode != 200 || a.Body != want {
			t.Errorf("%s is answered with %d %q, want %q", path, a.StatusCode, a.Body, want)
		}
	}
}

// An app that cannot be served does not leave its path to the one above it, which knows nothing of it.
func TestThePathOfABadAppIsNotThatOfTheAppAboveIt(t *testing.T) {
	t.Parallel()
	main := harness.EmptyApp(t)
	main.Write("app.js", nodeSays)
	missing := filepath.Join(main.Dir, "missing")
	p := harness.Start(t, harness.Options{Config: harness.ServerTable() + harness.AppTable("main", main.Dir, "max_processes = 1") +
		harness.AppTable("bad", missing, `path = "/blog"`)})
	harness.Eventually(t, harness.ReadyLimit, "the app above it serves", func() bool {
		s, err := p.FetchStatus(t.Context(), "main")
		return err == nil && len(s.Ready()) == 1
	})
	for path, want := range map[string]int{"/": 200, "/blogs": 200, "/blog": 503, "/blog/": 503, "/blog/x": 503, "/%62log/x": 503} {
		a := harness.Ask(t, p, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path))
		if a.StatusCode != want || want == 503 && a.Header.Get("Purser-Error") != "start_failed" {
			t.Errorf("%s is answered with %d %q", path, a.StatusCode, a.Body)
		}
	}
	if s := p.Status(t, "bad"); s.Failure == nil || !strings.Contains(s.Failure.Reason, missing+" does not exist") {
		t.Errorf("it is %s: %+v", s.Condition, s.Failure)
	}
}

// mixed are apps of several kinds on the same hosts.
func mixed(t *testing.T) string {
	t.Helper()
	node, wsgi, command := harness.EmptyApp(t), harness.EmptyApp(t), harness.EmptyApp(t)
	node.Write("app.js", nodeSays)
	wsgi.Write("passenger_wsgi.py", wsgiSays)
	command.Write("serve.js", nodeSays)
	for _, app := range []harness.App{node, wsgi, command} {
		if err := os.Mkdir(app.Path("public"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	node.Write("public/a.css", "of node")
	wsgi.Write("public/a.css", "of wsgi")
	one := "max_processes = 1"
	return harness.AppTable("main", node.Dir, `hosts = ["example.org", "*.example.org"]`, one) +
		harness.AppTable("blog", wsgi.Dir, `hosts = ["example.org"]`, `path = "/blog"`, one) +
		harness.AppTable("admin", command.Dir, `hosts = ["example.org"]`, `path = "/blog/admin"`, `command = "node serve.js"`, one) +
		harness.AppTable("deep", node.Dir, `hosts = ["*.deep.example.org"]`, `path = "/n"`, one) +
		harness.AppTable("www", wsgi.Dir, `hosts = ["www.example.org"]`, one) +
		harness.AppTable("rest", wsgi.Dir, one)
}

func TestHostsAndPathsSayWhichAppAnswersAndItLearnsItsPath(t *testing.T) {
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + mixed(t)})
	for asked, want := range map[string]string{
		"example.org /":                    "main /  ",
		"example.org /blog":                "blog  /blog /blog",
		"example.org /blog/":               "blog / /blog /blog",
		"example.org /blog/x?y=1":          "blog /x /blog /blog",
		"example.org /blogs":               "main /blogs  ",
		"example.org /%62log/x":            "blog /x /blog /blog",
		"example.org /blog/admin":          "admin /blog/admin /blog/admin /blog/admin",
		"example.org /blog/admin/u?v=1":    "admin /blog/admin/u?v=1 /blog/admin /blog/admin",
		"example.org /blog/administrators": "blog /administrators /blog /blog",
		"EXAMPLE.org:80 /blog/x":           "blog /x /blog /blog",
		"a.example.org /blog/x":            "main /blog/x  ",
		"www.example.org /blog":            "www /blog  ",
		"a.deep.example.org /n/1":          "deep /n/1 /n /n",
		"a.deep.example.org /":             "main /  ",
		"elsewhere.org /":                  "rest /  ",
		"example.org /a.css":               "of node",
		"example.org /blog/a.css":          "of wsgi",
		"example.org /blog/admin/a.css":    "admin /blog/admin/a.css /blog/admin /blog/admin",
		"a.deep.example.org /n/a.css":      "of node",
	} {
		host, path, _ := strings.Cut(asked, " ")
		a := harness.Ask(t, p, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host))
		if a.StatusCode != 200 || a.Body != want {
			t.Errorf("%s is answered with %d %q, want %q", asked, a.StatusCode, a.Body, want)
		}
	}
}
