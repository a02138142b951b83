package users

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

// saysHow is a program that says who it is and how it was started.
const saysHow = `require('http').createServer((q, s) => s.end('uid ' + process.getuid() + ' by ' + process.argv[2])).listen(process.env.PORT, '127.0.0.1')`

// A linked is an app whose root is a link to its release.
type linked struct {
	folder
	link string
}

func newLinked(t *testing.T, uid int) linked {
	t.Helper()
	f := newFolder(t, uid)
	l := linked{f, filepath.Join(filepath.Dir(f.dir), "current")}
	l.folder.dir = l.link
	l.deploy("first", "exec node web.js first", uid)
	return l
}

// deploy makes a release current whose Procfile has that line.
func (l linked) deploy(name, line string, uid int) {
	l.t.Helper()
	dir := l.release(name, uid)
	must(l.t, os.Remove(filepath.Join(dir, "app.js")))
	must(l.t, os.WriteFile(filepath.Join(dir, "web.js"), []byte(saysHow), 0o644))
	must(l.t, os.WriteFile(filepath.Join(dir, "Procfile"), []byte("web: "+line+"\njobs: exec sleep 1000 # "+name+"\n"), 0o644))
	giveAll(l.t, dir, uid)
	harness.Symlink(l.t, dir, l.link)
}

func mustSay(t *testing.T, p *harness.Purser, app, want string) {
	t.Helper()
	if a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+app+"\r\nConnection: close\r\n\r\n"); a.Body != want {
		t.Fatalf("%s answers %q, not %q", app, a.Body, want)
	}
}

// What serves may choose no command: a process of root's looks at the new release, and grants what starts that.
func TestARestartStartsAReleaseAsThatSaysAsItsUser(t *testing.T) {
	blog, shop := newLinked(t, games), newLinked(t, www)
	p := serve(t, blog.app("blog", "[apps.blog.workers.jobs]"), shop.app("shop"))
	mustSay(t, p, "blog", "uid 5 by first")
	mustSay(t, p, "shop", "uid 33 by first")
	load := harness.Load{Addr: p.Addr, Host: "blog", Rate: 100}.Begin()
	defer load.End()

	blog.deploy("second", "exec node web.js second", games)
	blogRestart := func(code int) harness.Result {
		t.Helper()
		r := p.Run(harness.Within(t), "restart", "blog")
		if r.Code != code {
			t.Fatalf("purser restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
		return r
	}
	blogRestart(0)
	mustSay(t, p, "blog", "uid 5 by second")
	mustSay(t, p, "shop", "uid 33 by first")
	for _, pid := range p.WorkerPIDs(t, "blog") {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if must(t, err); !strings.Contains(string(line), "sleep") {
			t.Errorf("the worker %d is %q", pid, line)
		}
		mustBeOf(t, pid, games)
	}
	if r := p.Run(harness.Within(t), "rollback", "blog"); r.Code != 0 {
		t.Fatalf("purser rollback exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	mustSay(t, p, "blog", "uid 5 by first")

	blog.deploy("none", "", games)
	if r := blogRestart(1); !strings.Contains(r.Stderr, "the Procfile has no line web") {
		t.Errorf("purser restart says %s", r.Stderr)
	}
	blog.deploy("third", "exec node web.js third", games)
	blogRestart(0)
	harness.MustNotFail(t, load.End())
	mustSay(t, p, "blog", "uid 5 by third")

	for range 2 { // what the keeper was told before is forgotten, and what serves goes on
		harness.Kill(t, p.Front())
		blogRestart(0)
		harness.Kill(t, p.Status(t, "shop").Ready()[0].PID)
		harness.Eventually(t, harness.ReadyLimit, "the other app has another process", func() bool { return len(p.Status(t, "shop").Ready()) == 1 })
		mustSay(t, p, "shop", "uid 33 by first")
	}
	mustSay(t, p, "blog", "uid 5 by third")
}

// A file that is another by now is for the next reload. A deployment goes on with what was found.
func TestARestartGoesOnWhileTheConfigurationIsEdited(t *testing.T) {
	blog := newLinked(t, games)
	p := serve(t, blog.app("blog"))
	text, err := os.ReadFile(p.Config)
	must(t, err)
	must(t, os.WriteFile(p.Config, append(text, "\n# in the middle of a chan"...), 0o644))
	blog.deploy("second", "exec node web.js second", games)
	if r := p.Run(harness.Within(t), "restart", "blog"); r.Code != 0 {
		t.Fatalf("purser restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	mustSay(t, p, "blog", "uid 5 by first")
	if len(p.Log.Lines("it cannot be looked at what the app is by now")) == 0 {
		t.Error("that is not said")
	}
	if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
		t.Fatalf("purser reload exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := p.Run(harness.Within(t), "restart", "blog"); r.Code != 0 {
		t.Fatalf("purser restart exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	mustSay(t, p, "blog", "uid 5 by second")
}
