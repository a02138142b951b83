package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"purser/test/harness"
)

// appFolder makes the root of the app, with the files that the fronts serve themselves. Nothing else
// is written there: purser watches it.
func appFolder() (string, error) {
	root := filepath.Join(harness.Scratch(), "app")
	for _, dir := range []string{"public", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return "", fmt.Errorf("cannot make the app's folder: %w", err)
		}
	}
	for _, m := range modes {
		if !m.static {
			continue
		}
		if err := writeFile(filepath.Join(root, "public", m.path), max(m.size, kib)); err != nil {
			return "", fmt.Errorf("cannot write a file to serve: %w", err)
		}
	}
	return root, nil
}

// writeFile writes a file of the date that clients know.
func writeFile(path string, size int) error {
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o644); err != nil {
		return err
	}
	date, err := http.ParseTime(fileDate)
	if err != nil {
		return err
	}
	return os.Chtimes(path, date, date)
}

// startPurser starts the given binary, "" for the one that is tested.
func startPurser(name, bin, root, app string, o options) (front, error) {
	c := o.cores
	pair, err := certificate()
	if err != nil {
		return front{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	listen, secure := `"$LISTEN", "https://$SECURE"`, fmt.Sprintf("[server.tls]\ncert = %q\nkey = %q", pair[0], pair[1])
	clear := o.pings == 0 && !slices.ContainsFunc(o.modes, func(m mode) bool { return m.tls })
	if clear {
		listen, secure = `"$LISTEN"`, ""
	}
	stored := ""
	if slices.ContainsFunc(o.modes, func(m mode) bool { return m.stored }) {
		stored = "cache.size = \"64MiB\""
	}
	compress := ""
	if slices.ContainsFunc(o.modes, func(m mode) bool { return m.gzip }) {
		compress = "[apps.bench.compress]\nencodings = [\"gzip\"]\n"
	}
	config := fmt.Sprintf(`
[server]
listen = [%s]
log_level = "warn"
access_log = %q
access_log_format = "combined"
%s

[apps.bench]
root = %q
kind = "command"
command = [%s]
min_processes = 1
max_processes = 1
%s
%s`, listen, filepath.Join(harness.Scratch(), name+".log"), secure, root, quoted(c.others(app)), stored, compress)
	p, err := harness.Launch(harness.Options{Bin: bin, Config: config, Before: c.front()})
	if err != nil {
		return front{}, err
	}
	f := front{name: name, addr: p.Addr, tls: p.Secure, pid: p.PID(), stop: func() { _, _ = p.Stop(10 * time.Second) }}
	if clear {
		f.tls = ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.WaitReady(ctx); err != nil {
		f.stop()
		return front{}, fmt.Errorf("%s did not become ready: %w", name, err)
	}
	return f, nil
}

func quoted(line []string) string {
	words := make([]string, len(line))
	for i, word := range line {
		words[i] = fmt.Sprintf("%q", word)
	}
	return strings.Join(words, ", ")
}
