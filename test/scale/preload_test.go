package scale

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// heavy are apps that have 100 MB in memory when they are loaded, and make a little garbage with each request.
var heavy = map[string]struct{ file, text string }{
	"ruby": {"config.ru", `
HELD = Array.new(900_000) { |i| "#{i} is held for as long as the app runs, like what a framework loads" }
run ->(_) { [200, { "content-type" => "text/plain" }, [(1..2000).map(&:to_s).join(" ")[0, 100]]] }
`},
	"python": {"wsgi.py", `
held = ["%d is held for as long as the app runs, like what a framework loads" % i for i in range(850_000)]
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(str(n) for n in range(2000))[:100].encode()]
`},
}

// What a heavy app takes with preload, at most: of what it takes without; and of what Puma takes that loads it itself.
const (
	mostOfPlain = 0.6
	mostOfPuma  = 1.1
	mostSpawn   = 200 * time.Millisecond // the shortest of five
)

func TestAPreloadedAppIsInMemoryOnceAndStartsAtOnce(t *testing.T) {
	for _, kind := range []string{"ruby", "python"} {
		for _, n := range []int{4, 8} {
			t.Run(fmt.Sprintf("%s/%d", kind, n), func(t *testing.T) { measurePreload(t, kind, n) })
		}
	}
}

func measurePreload(t *testing.T, kind string, n int) {
	plain, plainSpawn := served(t, kind, n, "preload = false")
	forked, spawn := served(t, kind, n, "preload = true")
	t.Logf("%s, %d processes: %d MiB with preload (the source included) and %d MiB without; one more is ready after %v, and %v without",
		kind, n, forked>>20, plain>>20, spawn.Round(time.Millisecond), plainSpawn.Round(time.Millisecond))
	if float64(forked) > mostOfPlain*float64(plain) {
		t.Errorf("with preload it takes %.2f of what it takes without", float64(forked)/float64(plain))
	}
	if spawn > mostSpawn {
		t.Errorf("a process is ready after %v", spawn)
	}
	if puma, err := exec.LookPath("puma"); kind == "ruby" && err == nil {
		own := byPuma(t, puma, n)
		t.Logf("puma -w %d --preload: %d MiB", n, own>>20)
		if float64(forked) > mostOfPuma*float64(own) {
			t.Errorf("with preload it takes %.2f of what Puma takes", float64(forked)/float64(own))
		}
	}
}

func heavyApp(t *testing.T, kind string) harness.App {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write(heavy[kind].file, heavy[kind].text)
	return app
}

// served is what the processes of an app take when each has answered, and how long a process takes to be ready.
func served(t *testing.T, kind string, n int, key string) (memory int64, spawn time.Duration) {
	t.Helper()
	p := harness.Serve(t, harness.Options{Config: harness.Config(heavyApp(t, kind).Dir, harness.Processes(n), key)})
	harness.AwaitReady(t, p, n)
	for range 30 * n {
		harness.Get(t, p, "/")
	}
	for _, process := range p.Family() {
		memory += harness.PSS(process.PID)
	}
	for range 5 {
		victim := p.Status(t, "app").Ready()[0].PID
		begin := time.Now()
		harness.MustReplaceKilled(t, p, n, victim)
		if took := time.Since(begin); spawn == 0 || took < spawn {
			spawn = took
		}
	}
	_, err := p.Stop(harness.Patience)
	if err != nil {
		t.Fatal(err)
	}
	return memory, spawn
}

// byPuma is what Puma takes that loads the app once itself.
func byPuma(t *testing.T, puma string, n int) (memory int64) {
	t.Helper()
	app := heavyApp(t, "ruby")
	socket := filepath.Join(app.Dir, "s")
	cmd := exec.Command(puma, "-w", strconv.Itoa(n), "--preload", "-t", "1:1", "-e", "production", "-b", "unix://"+socket, app.Path("config.ru"))
	cmd.Dir, cmd.SysProcAttr = app.Dir, &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if out, err := os.Create(app.Path("log")); err == nil {
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	harness.Eventually(t, harness.ReadyLimit, "puma's workers have booted", func() bool { return len(harness.Descendants(cmd.Process.Pid)) >= n })
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	for range 30 * n {
		answer, err := client.Get("http://app/")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	for _, process := range append(harness.Descendants(cmd.Process.Pid), harness.Proc{PID: cmd.Process.Pid}) {
		memory += harness.PSS(process.PID)
	}
	return memory
}
