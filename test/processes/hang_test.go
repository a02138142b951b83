package processes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// deaf is an app whose process stands still for ever once it is asked for /hang, with all that it has. It hears
// TERM no more than anything else.
const deaf = `
const still = new Int32Array(new SharedArrayBuffer(4));
require('http').createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/hang') Atomics.wait(still, 0, 0);
  if (url.pathname === '/never') return;
  setTimeout(() => response.end('pid=' + process.pid), Number(url.searchParams.get('ms')));
}).listen(process.env.PURSER_SOCKET);
`

func serveDeaf(t *testing.T, keys ...string) *harness.Purser {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("app.cjs", deaf)
	keys = append([]string{`command = ["node", "app.cjs"]`, `drain_timeout = "1s"`, `stop_timeout = "1s"`}, keys...)
	return harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, keys...)})
}

func ask(t *testing.T, p *harness.Purser, host, path string) *harness.Conn {
	t.Helper()
	c := harness.Dial(t, p)
	c.Send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	return c
}

// passenger: an app whose database is locked serves nobody, "up", until somebody kills it by hand.
func TestAppThatHangsIsSaidAndRelievedOnceOthersWait(t *testing.T) {
	t.Parallel()
	const n = 3
	p := serveDeaf(t, harness.Processes(n), "concurrency = 1", `hang_after = "2s"`)
	harness.AwaitReady(t, p, n)
	old := p.Status(t, "app").PIDs()
	events := p.Follow(t, "")
	var stuck []*harness.Conn
	for range n {
		stuck = append(stuck, ask(t, p, "app", "/hang"))
	}
	harness.Eventually(t, harness.Patience, "the app is hung", func() bool { return p.Status(t, "app").Condition == "hung" })
	said := p.Run(harness.Within(t), "status", "app").Stdout
	harness.MustSay(t, said, "Condition: hung", "no process has answered for", "To see where they hang")
	for _, pid := range old {
		harness.MustSay(t, said, fmt.Sprintf("pid %d: 1 request without an answer", pid))
	}
	if r := p.Run(harness.Within(t), "health", "app"); r.Code != 1 || !strings.Contains(r.Stdout, "app: hung") {
		t.Errorf("health exits with %d and says %s", r.Code, r.Stdout)
	}
	metrics := p.AdminRequest(t, "GET", "/metrics", nil).Body
	harness.MustSay(t, metrics, `purser_app_condition{app="app",condition="hung"} 1`)
	if s := p.Status(t, "app"); !harness.SamePIDs(old, s.Ready()) {
		t.Errorf("nobody waits, but the processes are %s", harness.Describe(s))
	}

	load := harness.Load{Addr: p.Addr, Rate: 6, Path: "/?ms=300"}.Begin()
	defer load.End()
	harness.Eventually(t, harness.Patience, "all were replaced", func() bool {
		s := p.Status(t, "app")
		return s.Condition == "up" && len(s.Processes) == n && !slices.ContainsFunc(s.PIDs(), func(pid int) bool { return slices.Contains(old, pid) })
	})
	harness.MustNotFail(t, load.End())
	for _, c := range stuck {
		if a := c.Answer("GET"); a.StatusCode != 502 || a.Header.Get("Purser-Error") != "process_exited" {
			t.Errorf("a request that was stuck got %d, Purser-Error %q", a.StatusCode, a.Header.Get("Purser-Error"))
		}
	}
	mustGoOneByOne(t, events.Seen(t), old)
	if told := p.Log.Lines("app hangs: no process answers"); len(told) != 1 || !strings.Contains(told[0], "requests=3") {
		t.Errorf("the log says %q", told)
	}
}

// mustGoOneByOne expects that each old process but the first was let go after a new one was ready.
func mustGoOneByOne(t *testing.T, events []harness.Event, old []int) {
	t.Helper()
	let, ready := 0, 0
	for _, e := range events {
		switch isOld := slices.Contains(old, e.PID); {
		case e.What == "ready" && !isOld:
			ready++
		case e.What == "draining" && isOld:
			if let > ready {
				t.Errorf("process %d was let go when %d were, and %d new ones were ready", e.PID, let, ready)
			}
			let++
		}
	}
	if let != len(old) {
		t.Errorf("%d of %d were let go", let, len(old))
	}
}

func TestSlowRequestBesideQuickOnesIsNoHang(t *testing.T) {
	t.Parallel()
	p := serveDeaf(t, harness.Processes(1), `concurrency = "unlimited"`, `hang_after = "1s"`)
	watch := harness.Observe(t, p, func(s harness.Status) string {
		if s.Condition == "hung" || len(s.Processes) > 1 {
			return "one slow request made a hang of it"
		}
		return ""
	})
	load := harness.Load{Addr: p.Addr, Rate: 20}.Begin()
	defer load.End()
	slow := ask(t, p, "app", "/?ms=5000")
	harness.MustBeAnswered(t, slow)
	harness.MustNotFail(t, load.End())
	watch.End()
}

// One app has a request of which nothing comes, one has only what has begun and may last for ever, and for one
// hang_after is off.
func TestLongLivedConnectionsNeverHang(t *testing.T) {
	t.Parallel()
	node := harness.NewApp(t, "node")
	apps := harness.EmptyApp(t)
	apps.Write("app.cjs", deaf)
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("hangs", apps.Dir, `hosts = ["hangs"]`, `command = ["node", "app.cjs"]`, harness.Processes(1), `hang_after = "3s"`) +
		harness.AppTable("off", apps.Dir, `hosts = ["off"]`, `command = ["node", "app.cjs"]`, harness.Processes(1), `hang_after = "0"`) +
		harness.AppTable("streams", node.Dir, "concurrency = 10", harness.Processes(1), `hang_after = "1s"`)})
	for _, name := range []string{"hangs", "off", "streams"} {
		harness.Eventually(t, harness.Patience, name+" is up", func() bool { return p.Status(t, name).Condition == "up" })
	}
	socket := harness.OpenWebSocket(t, p)
	socket.MustEcho("hello")
	stream := ask(t, p, "streams", "/stream")
	stream.MustPass("first")
	ask(t, p, "off", "/never")
	ask(t, p, "hangs", "/never")
	harness.Eventually(t, harness.Patience, "the one that hangs is hung", func() bool { return p.Status(t, "hangs").Condition == "hung" })
	for _, name := range []string{"off", "streams"} {
		if c := p.Status(t, name).Condition; c != "up" {
			t.Errorf("%s is %s", name, c)
		}
	}
	socket.MustEcho("still there")
}
