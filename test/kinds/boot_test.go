package kinds

import (
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

const (
	boots       = 7 // of which the fastest counts, as what else the machine does only makes one slower
	bootsBeyond = 100 * time.Millisecond
)

// A server is what a person would start the hello application of a kind with, by hand.
type server struct {
	name string
	make func(t *testing.T) harness.App
	line []string // {port} is where it listens; $PORT says so, too
}

// The ways take turns, so that what else the machine does slows both down.
func TestAProcessIsReadyWithinAHundredMillisecondsOfItsServerStartedByHand(t *testing.T) {
	for _, s := range []server{
		{"ruby by puma", sample("ruby"), []string{"/usr/bin/puma", "--quiet", "-e", "production", "-b", "tcp://127.0.0.1:{port}"}},
		{"ruby by our own server", rackBundle, []string{"/usr/bin/ruby", "-rbundler/setup", "by_hand.rb", "{port}"}},
		{"python by gunicorn", sample("python"), []string{"/usr/bin/gunicorn", "--bind", "127.0.0.1:{port}", "passenger_wsgi"}},
		{"python by uvicorn", files(starlette), []string{"/usr/bin/uvicorn", "--host", "127.0.0.1", "--port", "{port}", "asgi:app"}},
		{"python by hypercorn", pythonWithout("uvicorn", starlette), []string{".venv/bin/python", "-m", "hypercorn", "--bind", "127.0.0.1:{port}", "asgi:app"}},
		{"python by our own server", pythonWithout("gunicorn", wsgi), []string{".venv/bin/python", "by_hand.py", "{port}"}},
		{"node", sample("node"), []string{"node", "app.js"}},
		{"node with ES modules", sample("node-esm"), []string{"node", "app.js"}},
		{"a Procfile", files(procfile), []string{"/usr/bin/python3", "server.py"}},
	} {
		t.Run(s.name, func(t *testing.T) { s.test(t) })
	}
}

// Where an app has no server, a person writes the shortest that there is.
var (
	rackByHand = `require 'rack'
require 'socket'
app, = Rack::Builder.parse_file(File.expand_path('config.ru'))
server = TCPServer.new('127.0.0.1', ARGV[0].to_i)
while (io = server.accept)
  nil until io.gets.to_s.chomp.empty?
  status, _, body = app.call({})
  text = body.to_enum.to_a.join
  io.write("HTTP/1.1 #{status} OK\r\nContent-Length: #{text.bytesize}\r\nConnection: close\r\n\r\n#{text}")
  io.close
end
`
	wsgi = map[string]string{
		"wsgi.py": "def application(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'Hello world!']\n",
		"by_hand.py": "import sys\nfrom wsgiref.simple_server import make_server\n\nfrom wsgi import application\n\n" +
			"make_server('127.0.0.1', int(sys.argv[1]), application).serve_forever()\n",
	}
	procfile = map[string]string{
		"Procfile": "web: /usr/bin/python3 server.py\n",
		"server.py": "import http.server\nimport os\n\n" +
			"http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), http.server.SimpleHTTPRequestHandler).serve_forever()\n",
	}
)

func rackBundle(t *testing.T) harness.App {
	app := files(map[string]string{
		"config.ru":  "run ->(_env) { [200, { 'content-type' => 'text/plain' }, ['Hello world!']] }\n",
		"Gemfile":    "source 'https://rubygems.org'\n\ngem 'rack'\n",
		"by_hand.rb": rackByHand,
	})(t)
	runIn(t, app, "bundle", "install", "--local", "--quiet")
	return app
}

// pythonWithout makes an app with a Python of its own, which is Debian's without one of its packages.
func pythonWithout(lacks string, text map[string]string) func(*testing.T) harness.App {
	return func(t *testing.T) harness.App {
		app := files(text)(t)
		app.MakeFolders(".venv/bin")
		app.Write(".venv/sitecustomize.py", `import importlib.machinery
import sys


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "`+lacks+`":
            return importlib.machinery.PathFinder.find_spec(name, path, target)


sys.meta_path[:] = [Finder if f is importlib.machinery.PathFinder else f for f in sys.meta_path]
`)
		app.Write(".venv/bin/python", "#!/bin/sh\nPYTHONPATH="+app.Path(".venv")+" exec /usr/bin/python3 \"$@\"\n")
		return app
	}
}

func sample(name string) func(*testing.T) harness.App {
	return func(t *testing.T) harness.App { return harness.NewApp(t, name) }
}

func (s server) test(t *testing.T) {
	app := s.make(t)
	p := harness.Serve(t, harness.Options{Args: []string{"serve", app.Dir}, Env: []string{debian}})
	var byHand []time.Duration
	for range boots {
		byHand = append(byHand, s.boot(t, app))
		harness.StartCommand(t, p, "restart", app.Dir).MustExit(t, 0)
	}
	hand, ours := slices.Min(byHand), slices.Min(bootsIn(t, p))
	t.Logf("%s: by hand %v, under purser %v: a difference of %v", s.name, hand.Round(time.Millisecond), ours.Round(time.Millisecond), (ours - hand).Round(time.Millisecond))
	if ours-hand > bootsBeyond {
		t.Errorf("%s is ready %v later than by hand, which is more than %v", s.name, ours-hand, bootsBeyond)
	}
}

// boot starts the server by hand and returns how long it took until it answered.
func (s server) boot(t *testing.T, app harness.App) time.Duration {
	t.Helper()
	addr := harness.FreeAddr()
	_, port, _ := net.SplitHostPort(addr)
	line := strings.Split(strings.ReplaceAll(strings.Join(s.line, "\n"), "{port}", port), "\n")
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Env = app.Dir, []string{debian, "HOME=" + app.Dir, "PORT=" + port, "NODE_ENV=production", "RACK_ENV=production"}
	begin := time.Now()
	program, err := harness.StartProgram(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = program.Stop(harness.Patience) }()
	for !answers(addr) {
		select {
		case <-program.Exited:
			t.Fatalf("%v exited: %s", line, program.Log.Tail(20))
		case <-time.After(time.Millisecond):
		}
		if time.Since(begin) > harness.ReadyLimit {
			t.Fatalf("%v does not answer: %s", line, program.Log.Tail(20))
		}
	}
	return time.Since(begin)
}

func answers(addr string) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + addr + "/")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

var bootText = regexp.MustCompile(`process ready: .* boot=("[^"]+"|\S+)`)

// bootsIn are the times that purser's log tells of its processes.
func bootsIn(t *testing.T, p *harness.Purser) (all []time.Duration) {
	t.Helper()
	for _, found := range bootText.FindAllStringSubmatch(p.Log.String(), -1) {
		text, err := strconv.Unquote(found[1])
		if err != nil {
			text = found[1]
		}
		took, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, took)
	}
	if len(all) != boots+1 {
		t.Fatalf("the log tells of %d boots, not of %d", len(all), boots+1)
	}
	return all
}
