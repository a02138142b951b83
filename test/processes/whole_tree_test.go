package processes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// treeServer is a small server of an app that is started by wrappers. Asked to end, it takes a second
// to clean up.
const treeServer = `
import http.server, os, signal, sys, time
def clean_up(*_):
    open('cleaning', 'w').close()
    time.sleep(1)
    open('cleaned', 'w').close()
    os._exit(0)
signal.signal(signal.SIGTERM, clean_up)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
`

// wrappers are what stands between purser and the server. The last four start helpers that leave the
// group, the parent and, the last, the environment.
var wrappers = map[string]string{
	"sh":              "#!/bin/sh\npython3 server.py\n:\n",
	"npm":             "#!/bin/sh\nexec npm --silent --offline --no-update-notifier start\n",
	"setsid":          "#!/bin/sh\nsetsid sleep 3600 &\nexec python3 server.py\n",
	"double fork":     "#!/bin/sh\n(setsid sh -c 'sleep 3600 & sleep 3600' &)\nexec python3 server.py\n",
	"new environment": "#!/bin/sh\nenv -i /usr/bin/setsid /bin/sleep 3600 &\nexec python3 server.py\n",
}

func serveTree(t *testing.T, wrapper string, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("server.py", treeServer)
	app.Write("start", wrapper)
	app.Write("package.json", `{"name": "tree", "scripts": {"start": "python3 server.py; true"}}`)
	keys = append([]string{`command = ["./start"]`, harness.Processes(1)}, keys...)
	return harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, keys...)}), app
}

func TestKilledPurserLeavesNothing(t *testing.T) {
	for name, wrapper := range wrappers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := serveTree(t, wrapper)
			family := harness.Descendants(p.PID())
			if len(family) < 3 {
				t.Fatalf("only %d processes are below purser", len(family))
			}
			p.Signal(syscall.SIGKILL)
			<-p.Exited
			harness.Eventually(t, 2*time.Second, "nothing is left", func() bool { return len(livingOf(family)) == 0 })
		})
	}
}

// killall and pkill go by the name that the kernel knows, pidof by that in the command line, too.
func TestWhoKillsPurserByItsNameLeavesNothing(t *testing.T) {
	t.Parallel()
	p, _ := serveTree(t, wrappers["setsid"])
	family := harness.Descendants(p.PID())
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	found, err := exec.Command("pidof", filepath.Base(bin)).Output()
	if err != nil {
		t.Fatalf("pidof does not find purser: %v", err)
	}
	for word := range strings.FieldsSeq(string(found)) {
		if pid, _ := strconv.Atoi(word); pid == p.PID() || slices.ContainsFunc(family, func(m harness.Proc) bool { return m.PID == pid }) {
			harness.Kill(t, pid)
		}
	}
	<-p.Exited
	harness.Eventually(t, 2*time.Second, "nothing is left", func() bool { return len(livingOf(family)) == 0 })
}

func TestRestartAndStopLeaveNoHelper(t *testing.T) {
	for _, name := range []string{"setsid", "double fork", "new environment"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := serveTree(t, wrappers[name])
			leader := p.Status(t, "app").PIDs()[0]
			before := p.Family()
			if result := p.Run(harness.Within(t), "restart", "app"); result.Code != 0 {
				t.Fatalf("restart exited with %d: %s", result.Code, result.Stderr)
			}
			harness.Eventually(t, harness.Patience, "the old process is gone", func() bool { return !harness.Alive(leader) })
			harness.Eventually(t, harness.Patience, "its helpers are gone", func() bool { return len(livingOf(before)) == 0 })
			after := p.Family()
			if len(after) > len(before) {
				t.Errorf("there were %d processes, after a restart there are %d", len(before), len(after))
			}
			p.Signal(syscall.SIGTERM)
			if _, err := p.Wait(harness.Within(t)); err != nil {
				t.Fatal(err)
			}
			if left := livingOf(after); len(left) > 0 {
				t.Errorf("after the stop there are %v", left)
			}
		})
	}
}

func TestBehindAWrapperTheAppHasItsStopTimeout(t *testing.T) {
	for _, name := range []string{"sh", "npm"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, app := serveTree(t, wrappers[name])
			p.Signal(syscall.SIGTERM)
			if _, err := p.Wait(harness.Within(t)); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(app.Path("cleaned")); err != nil {
				t.Errorf("the app could not clean up: %v", err)
			}
		})
	}
}

func TestBehindAWrapperTheAppIsKilledAtItsStopTimeout(t *testing.T) {
	t.Parallel()
	p, app := serveTree(t, wrappers["sh"], `stop_timeout = "300ms"`)
	family := harness.Descendants(p.PID())
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(app.Path("cleaned")); err == nil {
		t.Error("the app had more time than its stop_timeout")
	}
	if left := livingOf(family); len(left) > 0 {
		t.Errorf("after the stop there are %v", left)
	}
}

func TestNothingOutlivesTheKeeper(t *testing.T) {
	for name, wrapper := range wrappers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := serveTree(t, wrapper)
			family := harness.Descendants(p.PID())
			harness.Kill(t, p.Keeper())
			harness.Eventually(t, 2*time.Second, "nothing is left", func() bool { return len(livingOf(family)) == 0 })
			if code, err := p.Wait(harness.Within(t)); err != nil || code == 0 {
				t.Errorf("purser exited with %d (%v)", code, err)
			}
		})
	}
}

func livingOf(family []harness.Proc) (living []string) {
	for _, m := range family {
		if harness.Alive(m.PID) {
			living = append(living, fmt.Sprint(m.PID, " ", harness.Exe(m.PID)))
		}
	}
	return living
}
