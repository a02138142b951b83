package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// h2load is the program of that name, which belongs to nghttp2, or "" if it is not installed.
func h2load() string {
	path, _ := exec.LookPath("h2load")
	return path
}

// loadByH2load runs h2load.
func loadByH2load(program string, f front, m mode, c cores, connections, seconds int) (tally, error) {
	line := c.others(program, "-t1", "-c"+strconv.Itoa(connections), "-m"+strconv.Itoa(m.streams), "-D"+strconv.Itoa(seconds), m.scheme()+"://"+f.at(m)+m.path)
	before := f.cpu()
	out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
	used := f.cpu() - before
	if err != nil {
		return tally{}, fmt.Errorf("h2load failed: %w\n%s", err, out)
	}
	t, err := readH2load(string(out), m.size)
	t.cpu, t.took = used, time.Duration(seconds)*time.Second
	return t, err
}

// readH2load reads what h2load prints at its end. What was under way then is not counted.
func readH2load(out string, size int) (t tally, err error) {
	if !strings.Contains(out, "Application protocol: h2\n") {
		return t, fmt.Errorf("HTTP/2 was not spoken:\n%s", out)
	}
	var total, started, done, failed, errored, late int64
	_, line, _ := strings.Cut(out, "\nrequests: ")
	if _, err := fmt.Sscanf(line, "%d total, %d started, %d done, %d succeeded, %d failed, %d errored, %d timeout",
		&total, &started, &done, &t.requests, &failed, &errored, &late); err != nil {
		return t, fmt.Errorf("cannot understand what h2load says: %w\n%s", err, out)
	}
	if failed+errored+late > 0 || t.requests != done {
		return t, fmt.Errorf("requests failed:\n%s", out)
	}
	_, line, _ = strings.Cut(out, "space savings ")
	_, line, _ = strings.Cut(line, "), ")
	_, line, _ = strings.Cut(line, "(")
	var bytes int64
	if _, err := fmt.Sscanf(line, "%d) data", &bytes); err != nil || bytes < t.requests*int64(size) {
		return t, fmt.Errorf("the answers are not of %d bytes:\n%s", size, out)
	}
	return t, nil
}
