package users

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

// A fork source and what is forked from it run as the app's user, by grants.
func TestAPreloadedAppRunsAsItsUser(t *testing.T) {
	ruby, python := newFolder(t, www), newFolder(t, games)
	must(t, os.Remove(ruby.path("app.js")))
	must(t, os.Remove(python.path("app.js")))
	ruby.write("config.ru", `
LOADER = Process.pid
run ->(_) { [200, {}, ["pid=#{Process.pid} loader=#{LOADER} uid=#{Process.uid} gid=#{Process.gid} home=#{ENV["HOME"]} process=#{ENV["PURSER_PROCESS"]}"]] }
`, www)
	python.write("wsgi.py", `
import os
LOADER = os.getpid()
def application(environ, start_response):
    start_response("200 OK", [])
    return [("pid=%d loader=%d uid=%d gid=%d home=%s process=%s" % (os.getpid(), LOADER, os.getuid(), os.getgid(), os.environ["HOME"], os.environ["PURSER_PROCESS"])).encode()]
`, games)
	keys := []string{"min_processes = 2", "preload = true"}
	p := serve(t, ruby.app("ruby", keys...), python.app("python", keys...))
	for app, want := range map[string]string{"ruby": "uid=33 gid=33 home=/var/www", "python": "uid=5 gid=60 home=/usr/games"} {
		mustBeForked(t, p, app, want)
		first := p.Sources(t, app)[0].PID
		if result := p.Run(harness.Within(t), "restart", app); result.Code != 0 {
			t.Fatalf("the restart exits with %d: %s", result.Code, result.Stderr)
		}
		mustBeForked(t, p, app, want)
		harness.MustBeGone(t, []int{first})
	}
	if wrong := p.Log.Lines("no grant"); len(wrong) > 0 {
		t.Errorf("the keeper has refused something: %q", wrong)
	}
}

func mustBeForked(t *testing.T, p *harness.Purser, app, want string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, app+" has two processes", func() bool { return len(p.Status(t, app).Ready()) == 2 })
	sources := p.Sources(t, app)
	answer := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+app+"\r\nConnection: close\r\n\r\n").Body
	if len(sources) != 1 || !strings.Contains(answer, want) || harness.WordIn(answer, "loader") != strconv.Itoa(sources[0].PID) || harness.WordIn(answer, "process") == "0" {
		t.Errorf("%s says %q, and its sources are %+v: want %s", app, answer, sources, want)
	}
	for _, process := range append(p.Status(t, app).Ready(), harness.Process{PID: sources[0].PID}) {
		if m, err := harness.ReadProc(process.PID); err != nil || m.Parent != p.Keeper() || m.Group != process.PID {
			t.Errorf("process %d of %s is %+v (%v): it is to be a child of the keeper, and to lead a group", process.PID, app, m, err)
		}
	}
}
