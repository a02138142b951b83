package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"purser/test/harness"
)

// A front is a running proxy with the Go app behind it.
type front struct {
	name string
	addr string
	pid  int
	stop func()
}

// startFronts starts those of names that are installed, and says which are not.
func startFronts(names []string) ([]front, error) {
	app, err := harness.GoApp()
	if err != nil {
		return nil, err
	}
	fronts, err := startPeers(names, app)
	if err != nil {
		return fronts, err
	}
	for _, name := range names {
		if name == "purser" {
			f, err := startPurser(app)
			if err != nil {
				return fronts, err
			}
			fronts = append([]front{f}, fronts...)
		}
	}
	return fronts, nil
}

func startPurser(app string) (front, error) {
	config := fmt.Sprintf(`
[server]
listen = ["$LISTEN"]
log_level = "warn"
access_log = %q
access_log_format = "combined"

[apps.bench]
root = %q
kind = "command"
command = [%s]
min_processes = 1
max_processes = 1
`, filepath.Join(harness.Scratch(), "purser.log"), harness.Scratch(), quoted(pinned(1, app)))
	p, err := harness.Launch(harness.Options{Config: config, Before: pinned(0)})
	if err != nil {
		return front{}, err
	}
	f := front{name: "purser", addr: p.Addr, pid: p.PID(), stop: func() { _, _ = p.Stop(10 * time.Second) }}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.WaitReady(ctx); err != nil {
		f.stop()
		return front{}, fmt.Errorf("purser did not become ready: %w", err)
	}
	return f, nil
}

// pinned is the command line that runs line on one core, or line itself on a machine that has none
// to spare.
func pinned(core int, line ...string) []string {
	if runtime.NumCPU() < 2 {
		return line
	}
	return append([]string{"taskset", "-c", fmt.Sprint(core)}, line...)
}

func quoted(line []string) string {
	words := make([]string, len(line))
	for i, word := range line {
		words[i] = fmt.Sprintf("%q", word)
	}
	return strings.Join(words, ", ")
}

// cpu is what all processes of the front have used so far, the app left out.
func (f front) cpu() time.Duration {
	app, _ := harness.GoApp()
	self, _ := harness.ReadProc(f.pid)
	total := self.CPU
	for _, p := range harness.Descendants(f.pid) {
		if harness.Exe(p.PID) != app {
			total += p.CPU
		}
	}
	return total
}

// memory is the resident memory of all processes of the front, the app left out.
func (f front) memory() int64 {
	app, _ := harness.GoApp()
	total := harness.RSS(f.pid)
	for _, p := range harness.Descendants(f.pid) {
		if harness.Exe(p.PID) != app {
			total += harness.RSS(p.PID)
		}
	}
	return total
}

// startProgram starts one program and waits until it listens on addr.
func startProgram(network, addr string, line ...string) (*harness.Program, error) {
	cmd := exec.Command(line[0], line[1:]...)
	var log *os.File
	if network == "tcp" {
		var err error
		if log, err = os.Create(filepath.Join(harness.Scratch(), filepath.Base(line[len(line)-1])+".out")); err != nil {
			return nil, err
		}
		defer log.Close()
		cmd.Stdout = log // HAProxy's access log
	}
	p, err := harness.StartProgram(cmd)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.Dial(network, addr)
		if err == nil {
			_ = conn.Close()
			return p, nil
		}
		select {
		case <-p.Exited:
			return nil, fmt.Errorf("%s exited: %s", strings.Join(line, " "), p.Log.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_, _ = p.Stop(time.Second)
			return nil, fmt.Errorf("%s does not listen on %s: %w", strings.Join(line, " "), addr, err)
		}
	}
}
