package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

func TestWatchTakesAScreenOfItsOwnAndGivesItBack(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	screen, terminal := openTerminal(t)
	var shown lines
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&shown, screen) // ends with an error once nobody has the terminal open
	}()
	cmd := l.command("status", "--watch", "--instance", l.name)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdout = terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is drawn twice", func() bool { return strings.Count(shown.String(), "demo (production)") >= 2 })
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C is no error: %v", err)
	}
	terminal.Close()
	<-read
	got := shown.String()
	if !strings.HasPrefix(got, "\x1b[?1049h\x1b[H") || !strings.HasSuffix(got, "\x1b[?1049l") {
		t.Errorf("it does not begin and end with a change of screens: %q", got)
	}
	for frame := range strings.SplitSeq(got, "\x1b[H") {
		if rows := strings.Count(frame, "\n"); rows > 23 {
			t.Errorf("%d line feeds scroll a terminal of 24 lines", rows)
		}
	}
}

func TestWatchWithoutATerminalPrintsPlainText(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	cmd := l.command("status", "--watch", "--instance", l.name)
	var printed lines
	cmd.Stdout = &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is printed twice", func() bool { return strings.Count(printed.String(), "Application groups") >= 2 })
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C is no error: %v", err)
	}
	if strings.Contains(printed.String(), "\x1b") {
		t.Errorf("it has control characters: %q", printed.String())
	}
	l.purser("status", "--watch", "--full", "--instance", l.name).wants(t, exitUsage, "leave out --full")
}

func TestSeveralAppsGetALineEach(t *testing.T) {
	l := newLand(t)
	one := "root = \".\"\ncommand = \"sleep 60\"\nmin_processes = 0\n"
	file := l.write("two.toml", "[server]\nlisten = [\"127.0.0.1:0\"]\n[apps.blog]\nhosts = [\"a\"]\n%s[apps.shop]\nhosts = [\"b\"]\n%s", one, one)
	l.start("serve", "-c", file)
	for args, want := range map[string]string{"": "2 apps: 2 resting", "blog": "App root: ", "--full": "App root: "} {
		line := append([]string{"status", "--instance", l.name}, strings.Fields(args)...)
		if got := l.purser(line...); got.code != exitDone || !strings.Contains(got.stdout, want) || strings.Contains(got.stdout, "App root: ") != (args != "") {
			t.Errorf("purser status %s says (code %d)\n%s", args, got.code, got.stdout)
		}
	}
}
