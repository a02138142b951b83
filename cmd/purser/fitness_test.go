package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckSaysAllThatThisMachineLacks(t *testing.T) {
	l := newLand(t)
	file := l.write("unfit.toml", "[server]\nlisten = [\"unix:%s/sockets/web.sock\"]\nadmin = \"127.0.0.1:9\"\nlog_apps = \"{app}/all.log\"\naccess_log = \"missing/access.log\"\n[apps.blog]\nroot = \".\"\ncommand = \"no-such-server --fast\"\n"+
		"hooks.before_restart = \"bin/missing --now\"\nhooks.process_gone = [\"true\"]\nhooks.after_restart = [\"no-such-notifier\"]\n", l.dir)
	got := l.purser("check", "-c", file)
	got.wants(t, exitUsage, "needs a token", "there is no folder "+l.dir+"/missing",
		"app blog: log: there is no folder "+l.dir+"/log/blog; create it", "listen: there is no folder "+l.dir+"/sockets",
		"app blog: command: there is no no-such-server in PATH", "app blog: hooks.before_restart: there is no program bin/missing",
		"hooks.after_restart: there is no no-such-notifier")
	if strings.Contains(got.stderr, "process_gone") || strings.Contains(got.stdout, "can be served") {
		t.Errorf("it says too much: %s%s", got.stdout, got.stderr)
	}
	if _, err := os.Stat(l.dir + "/missing"); err == nil {
		t.Error("check has made a folder")
	}
}

func TestCheckSaysWhereNobodyCouldListen(t *testing.T) {
	l := newLand(t)
	there := l.write("there", "no socket")
	file := l.write("places.toml", "[server]\nlisten = [\"unix:%s\", \"203.0.113.77:8080\", \"127.0.0.1:1\"]\nmetrics = \"203.0.113.78:9\"\n[apps.blog]\nroot = \".\"\ncommand = \"true\"\n", there)
	got := l.purser("check", "-c", file)
	got.wants(t, exitUsage, "listen: there is a file "+there+" that is no socket; move it away",
		"listen: cannot listen on 203.0.113.77:8080: 203.0.113.77 is no address of this machine", "metrics: cannot listen on 203.0.113.78:9: 203.0.113.78 is no address of this machine")
	if strings.Contains(got.stderr, "127.0.0.1") {
		t.Errorf("it says too much: %s", got.stderr)
	}
}

func TestCheckLooksAtTheRuntimeFolder(t *testing.T) {
	l := newLand(t)
	file := l.write("good.toml", "[apps.blog]\nroot = \".\"\ncommand = \"true\"\n")
	folder := filepath.Join(l.dir, "runtime")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	c := l.command("check", "-c", file)
	c.Env = append(c.Env, "RUNTIME_DIRECTORY="+folder)
	out, err := c.CombinedOutput()
	if want := "cannot use " + folder + " as the runtime folder: others may enter it; run chmod 700 " + folder; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("it says %s (%v), want %s", out, err, want)
	}
}

// Certificates are asked for by who can be reached.
func TestCheckSaysThatNoAuthorityReachesPurser(t *testing.T) {
	l := newLand(t)
	file := l.write("acme.toml", "[server]\nlisten = [\"https://unix:%s/s\"]\n[server.acme]\n[apps.blog]\nroot = \".\"\ncommand = \"true\"\nhosts = [\"blog.example.org\"]\n", l.dir)
	l.purser("check", "-c", file).wants(t, exitUsage, "no authority can reach purser, which listens on unix sockets only; write dns_exec")
}

func TestCheckWarnsOfAServerThatReloads(t *testing.T) {
	l := newLand(t)
	file := l.write("reload.toml", "[apps.blog]\nroot = \".\"\ncommand = \"env uvicorn --reload a:b\"\n")
	got := l.purser("check", "-c", file)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, `blog: warning: "uvicorn --reload" in the command`) {
		t.Errorf("it says %q", got.stdout)
	}
}

func TestCheckWarnsOfPagesThatAreMissing(t *testing.T) {
	l := newLand(t)
	l.write("502.html", "<h1>one moment</h1>")
	file := l.write("pages.toml", "[apps.blog]\nroot = \".\"\ncommand = \"true\"\npages.502 = \"502.html\"\npages.503 = \"503.html\"\n")
	got := l.purser("check", "-c", file)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "blog: warning: the page 503.html cannot be read now") || strings.Contains(got.stdout, "502.html") {
		t.Errorf("it says %q", got.stdout)
	}
}

func TestCheckWarnsOfWhatChangesNothing(t *testing.T) {
	l := newLand(t)
	file := l.write("unused.toml", "[apps.blog]\nroot = \".\"\ncommand = \"true\"\ncompress.gzip_level = 5\n")
	got := l.purser("check", "-c", file)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "blog: warning: [compress] has no encodings, so nothing is compressed") {
		t.Errorf("it says %q", got.stdout)
	}
}
