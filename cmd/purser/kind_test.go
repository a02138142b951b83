package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// site is a folder that may be several things.
func (l *land) site() string {
	l.t.Helper()
	app := filepath.Join(l.dir, "site")
	if err := os.Mkdir(app, 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.write("site/package.json", `{"scripts": {"start": "node web", "prestart": "build"}}`)
	l.write("site/web.js", `require('http').createServer((q, s) => s.end('web')).listen(4000)`)
	l.write("site/other.js", `require('http').createServer((q, s) => s.end('other')).listen(4000)`)
	l.write("site/Procfile", "web: ./web\n")
	return app
}

func TestWhatIsFoundInAFolderIsSaidWithWhatElseIsThere(t *testing.T) {
	l := newLand(t)
	app := l.site()
	const chosen = "node, by package.json: start (not used: Procfile)"
	const note = "the script prestart of package.json is not run: do that when you deploy"
	if got := l.purser("check", app); !strings.Contains(got.stdout, "site: "+chosen+", in "+app) || !strings.Contains(got.stdout, "site: note: "+note) {
		t.Errorf("check says %q", got.stdout)
	}
	s := l.start("serve", app, "--listen", "127.0.0.1:0")
	if status := l.purser("status", "--instance", l.name).stdout; !strings.Contains(status, "Kind    : "+chosen) || !strings.Contains(status, "Note    : "+note) {
		t.Errorf("status says\n%s", status)
	}
	if log := s.log.String(); !strings.Contains(log, chosen) || !strings.Contains(log, note) {
		t.Errorf("the log says\n%s", log)
	}
}

func TestFlagsChooseWhatIsServedOfAFolder(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("install Node.js 18 or later")
	}
	l := newLand(t)
	app := l.site()
	l.purser("serve", app, "--kind", "php").wants(t, exitUsage, "kind: must be one of auto, command, ruby, python, node")
	l.purser("serve", app, "--startup-file", "none.js").wants(t, exitUsage, "there is no startup file none.js in ")
	l.start("serve", app, "--listen", "127.0.0.1:0", "--kind", "node", "--startup-file", "other.js", "--interpreter", node)
	if status := l.purser("status", "--instance", l.name).stdout; !strings.Contains(status, "Kind    : node, by startup_file (not used: package.json: start, Procfile)") {
		t.Errorf("status says\n%s", status)
	}
}
