package users

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

// get asks an app for a path, as a visitor.
func get(t *testing.T, p *harness.Purser, host, path string) harness.Answer {
	t.Helper()
	c := harness.Dial(t, p)
	c.Send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
	return c.Answer("GET")
}

// The pages of an app, and the file by which it is in maintenance, are its user's alone.
func TestPagesAreReadAsTheUserOfTheApp(t *testing.T) {
	f, other := newFolder(t, games), newFolder(t, www)
	f.write("maintenance.html", "<h1>Closed</h1> {message}", games)
	other.write("secret.html", "secret", www)
	must(t, os.Chmod(f.dir, 0o700))
	p := serve(t, f.app("app", `maintenance = { page = "maintenance.html" }`, `pages = { "503" = "`+other.path("secret.html")+`" }`),
		other.app("other"))
	f.write("tmp/maintenance.txt", "Back at ten.", games)
	harness.Eventually(t, harness.Patience, "the app is in maintenance, and visitors see its page", func() bool {
		a := get(t, p, "app", "/")
		return a.StatusCode == 503 && a.Body == "<h1>Closed</h1> Back at ten."
	})
	if a := get(t, p, "other", "/"); a.StatusCode != 200 {
		t.Errorf("the other app answers %d", a.StatusCode)
	}
	must(t, os.Remove(f.path("tmp/maintenance.txt")))
	harness.Eventually(t, harness.Patience, "it serves again", func() bool { return get(t, p, "app", "/").StatusCode == 200 })

	harness.StartCommand(t, p, "stop", "app").MustExit(t, 0)
	if a := get(t, p, "app", "/"); a.StatusCode != 503 || strings.Contains(a.Body, "secret") {
		t.Errorf("a page of another user is shown: %d %s", a.StatusCode, a.Body)
	}
	harness.Eventually(t, harness.Patience, "the log says so", func() bool { return len(p.Log.Lines("a page of the app cannot be read")) > 0 })
}
