package operators

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// talkative is an app that prints 100 kB for each request, and dies of /crash.
const talkative = `
const http = require('http');
const line = 'x'.repeat(999) + '\n';
http.createServer((req, res) => {
  if (req.url === '/crash') process.kill(process.pid, 'SIGKILL');
  process.stdout.write(line.repeat(100));
  res.end('pid=' + process.pid + '\n');
}).listen(process.env.PURSER_SOCKET || process.env.PORT);
`

// A listener is who reads purser's stderr: it reads until it is stopped, and then it may go.
type listener struct {
	t    *testing.T
	pipe *os.File
	stop chan struct{}
	done chan struct{}
}

// serveTalkative serves two talkative processes, with the access log on stderr, too.
func serveTalkative(t *testing.T) (*harness.Purser, *listener) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("app.js", talkative)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, pipe: read, stop: make(chan struct{}), done: make(chan struct{})}
	t.Cleanup(func() { _ = read.Close() })
	go l.read()
	p := harness.Start(t, harness.Options{Stderr: write, Config: harness.ServerTable(`access_log = "stderr"`) + harness.AppTable("app", app.Dir, harness.Processes(2))})
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.WaitReady(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	harness.AwaitReady(t, p, 2)
	return p, l
}

func (l *listener) read() {
	defer close(l.done)
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		_ = l.pipe.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, _ = l.pipe.Read(buf)
	}
}

// pause has it read no more.
func (l *listener) pause() {
	close(l.stop)
	<-l.done
}

// leave has it gone: from now on a write is a broken pipe.
func (l *listener) leave() {
	l.t.Helper()
	if err := l.pipe.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// mustGoOn has the app restarted, and one of its processes crash and be replaced.
func mustGoOn(t *testing.T, p *harness.Purser) {
	t.Helper()
	if r := p.Run(harness.Within(t), "restart", "app"); r.Code != 0 {
		t.Fatalf("the restart exited with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	before := harness.SortedPIDs(p.Status(t, "app").Ready())
	c := harness.Dial(t, p)
	c.Send("POST /crash HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	harness.Eventually(t, harness.Patience, "the crashed process is replaced", func() bool {
		now := harness.SortedPIDs(p.Status(t, "app").Ready())
		return len(now) == 2 && !slices.Equal(now, before)
	})
}

func TestReaderOfStderrStopsAndGoesAndNothingWaitsOrDies(t *testing.T) {
	p, l := serveTalkative(t)
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 20)
	l.pause()
	harness.AwaitAnswers(t, load, 150) // 15 MB that nobody reads: no pipe and no queue has room any more
	mustGoOn(t, p)
	l.leave()
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
	mustGoOn(t, p)
	if metrics := p.AdminRequest(t, http.MethodGet, "/metrics", nil).Body; !lostOfStderr.MatchString(metrics) {
		t.Errorf("the metrics do not tell how many lines were lost:\n%s", metrics)
	}
	report := load.End()
	harness.MustNotFail(t, report)
	if slowest := report.Max(); slowest > 10*time.Second {
		t.Errorf("an answer took %v", slowest)
	}
	mustEnd(t, p)
	t.Logf("%v", report)
}

var lostOfStderr = regexp.MustCompile(`(?m)^purser_log_lines_lost_total\{log="stderr"\} [1-9]`)

// mustEnd ends purser by one TERM.
func mustEnd(t *testing.T, p *harness.Purser) {
	t.Helper()
	begin := time.Now()
	p.Signal(syscall.SIGTERM)
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Fatalf("purser exited with %d (%v)", code, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

func TestTermEndsWhileNobodyReadsStderr(t *testing.T) {
	p, l := serveTalkative(t)
	l.pause()
	for range 100 {
		harness.Get(t, p, "/")
	}
	mustEnd(t, p)
}

func TestReaderThatReadsAgainIsToldWhatItMissed(t *testing.T) {
	p, l := serveTalkative(t)
	l.pause()
	for range 100 {
		harness.Get(t, p, "/")
	}
	_ = l.pipe.SetReadDeadline(time.Now().Add(harness.Patience))
	lines := bufio.NewScanner(l.pipe)
	for lines.Scan() && !strings.Contains(lines.Text(), "log lines were lost") {
	}
	if !strings.Contains(lines.Text(), "log=stderr lines=") {
		t.Errorf("the last line is %q: %v", lines.Text(), lines.Err())
	}
	_ = l.pipe.Close()
}

func TestAppsHaveLogsOfTheirOwn(t *testing.T) {
	app, logs := harness.EmptyApp(t), t.TempDir()
	app.Write("app.js", `
console.error('\x1b[1mready\x1b[0m');
console.log(JSON.stringify({level: 30, msg: 'hello'}));
require('http').createServer((req, res) => { console.log(req.url); res.end(); }).listen(process.env.PURSER_SOCKET || process.env.PORT);
`)
	path := filepath.Join(logs, "app.txt")
	p := harness.Serve(t, harness.Options{Env: []string{"LOGS_DIRECTORY=" + logs},
		Config: harness.ServerTable(`log_level = "error"`, `log_apps = "{app}.txt"`) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	harness.Get(t, p, "/1")
	has := func(path string, parts ...string) {
		t.Helper()
		harness.Eventually(t, harness.Patience, fmt.Sprintf("%s has %q", path, parts), func() bool {
			text, _ := os.ReadFile(path)
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(string(text), part) })
		})
	}
	has(path, "\x1b[1mready\x1b[0m\n", `{"level":30,"msg":"hello"}`+"\n", "/1\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGHUP)
	harness.Eventually(t, harness.Patience, "the log is there again", func() bool { _, err := os.Stat(path); return err == nil })
	harness.Get(t, p, "/2")
	has(path, "/2\n")
	if shown := p.Log.String(); strings.Contains(shown, "hello") {
		t.Errorf("what the app prints is on stderr:\n%s", shown)
	}
}

func TestNoLevelDropsWhatAppsPrint(t *testing.T) {
	app := harness.EmptyApp(t)
	app.Write("app.js", "console.log('out of luck'); process.exit(1)")
	p := harness.Start(t, harness.Options{Config: harness.ServerTable(`log_level = "error"`) + harness.AppTable("app", app.Dir, harness.Processes(1))})
	harness.Eventually(t, harness.Patience, "the last line is in the log", func() bool { return len(p.Log.Lines("out of luck")) > 0 })
}

func TestTwoTermsAtOnceCutNothing(t *testing.T) {
	p, _ := harness.ServeNode(t)
	c := harness.Dial(t, p)
	c.Send("GET /slow?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "the request is with the app", func() bool { return p.Status(t, "app").Ready()[0].Requests == 1 })
	p.Signal(syscall.SIGTERM)
	p.Signal(syscall.SIGINT)
	if answer := c.Answer("GET"); answer.StatusCode != 200 {
		t.Errorf("the request was answered with %d", answer.StatusCode)
	}
}
