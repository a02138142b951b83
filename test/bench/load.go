package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A tally is what came of one measurement.
type tally struct {
	requests int64
	took     time.Duration
	cpu      time.Duration // of the front
}

// load keeps connections to f busy with requests of mode m. An answer that is not what it should be
// is an error: a front that fails fast must not look fast.
func load(f front, m mode, c cores, connections, seconds int) (tally, error) {
	program, err := exec.LookPath("wrk")
	run := loadByWrk
	switch {
	case m.http2:
		program, run = h2load(), loadByH2load
	case err != nil || !m.suitsWrk():
		program, run = os.Args[0], loadByGenerator
	}
	t, err := run(program, f, m, c, connections, seconds)
	if err == nil && t.requests == 0 {
		return t, fmt.Errorf("no request was answered")
	}
	return t, err
}

// loadByGenerator runs the generator of this program. The front's time counts from when all
// connections are open until the last answer, while they are still open.
func loadByGenerator(self string, f front, m mode, c cores, connections, seconds int) (tally, error) {
	line := c.others(self, "-load", f.at(m), "-mode", m.name, "-connections", strconv.Itoa(connections), "-seconds", strconv.Itoa(seconds))
	cmd := exec.Command(line[0], line[1:]...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return tally{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return tally{}, err
	}
	if err := cmd.Start(); err != nil {
		return tally{}, fmt.Errorf("cannot start the load generator: %w", err)
	}
	t, err := f.watch(stdin, bufio.NewReader(stdout))
	_ = stdin.Close()
	if failed := cmd.Wait(); failed != nil {
		err = fmt.Errorf("%w\n%s", failed, strings.TrimSpace(complaint.String()))
	}
	if err != nil {
		return tally{}, fmt.Errorf("the load generator failed: %w", err)
	}
	return t, nil
}

// watch is this side's part of what generate says and hears.
func (f front) watch(generator io.Writer, says *bufio.Reader) (t tally, err error) {
	if _, err := says.ReadString('\n'); err != nil {
		return t, err
	}
	before := f.cpu()
	if _, err := io.WriteString(generator, "go\n"); err != nil {
		return t, err
	}
	line, err := says.ReadString('\n')
	if err != nil {
		return t, err
	}
	t.cpu = f.cpu() - before
	_, err = fmt.Sscan(line, &t.requests, (*int64)(&t.took))
	return t, err
}
