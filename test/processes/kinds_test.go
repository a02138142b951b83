package processes

import (
	"os/exec"
	"strings"
	"testing"

	"purser/test/harness"
)

// served is an app of a kind that purser finds by itself.
type served struct {
	name, app string
	venv      string   // a flag of python3 -m venv; "" = no virtual environment
	want      []string // in the answer
	posts     bool     // the app shows the body it was sent
}

func TestEveryKindOfAppIsServedFromItsFolder(t *testing.T) {
	for _, s := range []served{
		{name: "ruby", app: "ruby", want: []string{"ruby"}, posts: true},
		{name: "python by gunicorn", app: "python", venv: "--system-site-packages", want: []string{"python", "server=gunicorn"}, posts: true},
		{name: "python without gunicorn", app: "python", venv: "--without-pip", want: []string{"python", "server=plain"}, posts: true},
		{name: "python by uvicorn", app: "python-asgi", venv: "--system-site-packages", want: []string{"python", "server=uvicorn"}, posts: true},
		{name: "node", app: "node", want: []string{"pid="}},
		{name: "node with ES modules", app: "node-esm", want: []string{"esm"}},
	} {
		t.Run(s.name, func(t *testing.T) { s.test(t) })
	}
}

func (s served) test(t *testing.T) {
	app := harness.NewApp(t, s.app)
	if s.venv != "" {
		makeVenv(t, app, s.venv)
	}
	p := harness.Serve(t, harness.Options{Args: []string{"serve", app.Dir, "--processes", "1"}})
	s.expect(t, harness.Get(t, p, "/"), "v=1")
	if s.posts {
		posted := harness.Ask(t, p, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
		s.expect(t, posted, "method=POST path=/form body=hello")
	}
	app.Write("VERSION", "2")
	if result := p.Run(harness.Within(t), "restart", app.Dir); result.Code != 0 {
		t.Fatalf("purser restart exited with %d: %s", result.Code, result.Stderr)
	}
	s.expect(t, harness.Get(t, p, "/"), "v=2")

	app.Write("VERSION", "broken")
	result := p.Run(harness.Within(t), "restart", app.Dir)
	if result.Code != 1 {
		t.Errorf("purser restart of a broken release exited with %d, not 1: %s", result.Code, result.Stderr)
	}
	if !strings.Contains(result.Stderr, "this release is broken") {
		t.Errorf("purser restart does not show what the app said: %s", result.Stderr)
	}
	s.expect(t, harness.Get(t, p, "/"), "v=2")
}

// makeVenv gives the app a Python of its own, made from the system's, which alone has gunicorn.
func makeVenv(t *testing.T, app harness.App, flag string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-m", "venv", "--without-pip", flag, app.Path(".venv")).CombinedOutput()
	if err != nil {
		t.Fatalf("cannot make a virtual environment: %v\n%s", err, out)
	}
}

func (s served) expect(t *testing.T, answer harness.Answer, more string) {
	t.Helper()
	for _, want := range append(s.want, more) {
		if answer.StatusCode != 200 || !strings.Contains(answer.Body, want) {
			t.Fatalf("answered %d %q without %q", answer.StatusCode, answer.Body, want)
		}
	}
}
