package main

import (
	"strings"
	"testing"
)

// offered is what the shell would offer at the end of a line.
func (l *land) offered(args ...string) (words []string) {
	l.t.Helper()
	got := l.purser(append([]string{"__complete"}, args...)...)
	got.wants(l.t, exitDone)
	for line := range strings.Lines(got.stdout) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); word != "" && !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

func TestShellsCompleteAppsOfTheRunningPurser(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	for _, command := range []string{"restart", "status", "health", "rollback", "promote", "mark", "detach"} {
		if got := l.offered(command, "--instance", l.name, ""); len(got) != 1 || got[0] != "demo" {
			t.Errorf("purser %s: %q", command, got)
		}
	}
}

func TestShellsCompleteWordsThatAreKnown(t *testing.T) {
	l := newLand(t)
	for line, wants := range map[string]string{
		"help ":               "restarts",
		"completion ":         "fish",
		"restart --strategy ": "blue-green",
		"serve --log-level ":  "debug",
		"serve --log-format ": "json",
		"install --":          "--user",
		"":                    "install",
	} {
		words := strings.Split(line, " ")
		if got := strings.Join(l.offered(words...), " "); !strings.Contains(" "+got+" ", " "+wants+" ") {
			t.Errorf("purser %s: %q", line, got)
		}
	}
}
