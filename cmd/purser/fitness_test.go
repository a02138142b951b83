package main

import (
	"os"
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

func TestCheckWarnsOfAServerThatReloads(t *testing.T) {
	l := newLand(t)
	file := l.write("reload.toml", "[apps.blog]\nroot = \".\"\ncommand = \"env uvicorn --reload a:b\"\n")
	got := l.purser("check", "-c", file)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, `blog: warning: "uvicorn --reload" in the command`) {
		t.Errorf("it says %q", got.stdout)
	}
}
