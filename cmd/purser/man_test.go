package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestThereIsAManPageOfEachCommandAndTopic(t *testing.T) {
	pages := manPages(newRoot())
	for _, command := range commandNames(newRoot()) {
		if page := pages["purser-"+command+".1"]; !strings.Contains(page, ".SH EXAMPLES\n") {
			t.Errorf("the page of %s is %q", command, page)
		}
	}
	for _, topic := range topics() {
		if page := pages["purser-"+topic+".7"]; !strings.Contains(page, ".SH DESCRIPTION\n") {
			t.Errorf("the page of %s is %q", topic, page)
		}
	}
	for name, page := range pages {
		if strings.HasSuffix(name, ".1") && strings.Contains(page, "not supported yet") {
			t.Errorf("%s shows what is hidden", name)
		}
	}
}

// man reads each page, and complains about nothing.
func TestManPagesAreWellFormed(t *testing.T) {
	man, err := exec.LookPath("man")
	if err != nil {
		t.Fatal("this test needs man: apt install man-db")
	}
	l := newLand(t)
	l.purser("man", l.dir).wants(t, exitDone)
	pages, err := filepath.Glob(l.dir + "/*.[17]")
	if err != nil || len(pages) < len(topics()) {
		t.Fatalf("there are only %d pages (%v)", len(pages), err)
	}
	cmd := exec.CommandContext(t.Context(), man, append([]string{"--warnings", "-E", "UTF-8", "-P", "cat", "-l"}, pages...)...)
	cmd.Env = append(cleanEnvironment(), "MANWIDTH=80", "LC_ALL=C.UTF-8")
	var warned, shown strings.Builder
	cmd.Stdout, cmd.Stderr = &shown, &warned
	if err := cmd.Run(); err != nil || warned.Len() > 0 {
		t.Errorf("man says (%v):\n%s", err, warned.String())
	}
	for _, want := range []string{"--processes N", `"host:port" | "unix:/path"`, "purser-restarts(7)", `[ERROR] purser.pool: process failed to start`} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the pages do not show %q", want)
		}
	}
}
