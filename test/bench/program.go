package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"purser/test/harness"
)

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
