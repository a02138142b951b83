package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"purser/test/harness"
)

// The script has no request function, so that wrk makes the request only once.
const wrkScript = `
wrk.method = "METHOD"
if UPLOAD > 0 then wrk.body = string.rep("x", UPLOAD) end
if UNCHANGED then wrk.headers["If-Modified-Since"] = "DATE" end
if CLOSES then wrk.headers["Connection"] = "close" end
if GZIP then wrk.headers["Accept-Encoding"] = "gzip" end
done = function(summary, latency, requests)
  local e = summary.errors
  print("done", summary.requests, summary.bytes, summary.duration, e.connect + e.read + e.write + e.status + e.timeout)
end
`

// loadByWrk runs wrk.
func loadByWrk(wrk string, f front, m mode, c cores, connections, seconds int) (tally, error) {
	size, err := answerSize(f.at(m), m)
	if err != nil {
		return tally{}, err
	}
	script, err := writeWrkScript(m)
	if err != nil {
		return tally{}, err
	}
	line := c.others(wrk, "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "--timeout", "10s",
		"-s", script, m.scheme()+"://"+f.at(m)+m.path)
	before := f.cpu()
	out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
	used := f.cpu() - before
	if err != nil {
		return tally{}, fmt.Errorf("wrk failed: %w\n%s", err, out)
	}
	t, err := readWrk(string(out), size, int64(connections))
	t.cpu = used
	return t, err
}

func writeWrkScript(m mode) (string, error) {
	method, _, _ := strings.Cut(m.head(""), " ")
	text := strings.NewReplacer("METHOD", method, "UPLOAD", fmt.Sprint(m.upload), "CLOSES", fmt.Sprint(m.closes), "GZIP", fmt.Sprint(m.gzip),
		"UNCHANGED", fmt.Sprint(m.unchanged), "DATE", fileDate).Replace(wrkScript)
	file := filepath.Join(harness.Scratch(), "wrk-"+m.name+".lua")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("cannot write wrk's script: %w", err)
	}
	return file, nil
}

// readWrk reads the line that the script prints. All answers together have to be as long as so many
// answers of that size; those under way at the end come on top, one for each connection.
func readWrk(out string, size, connections int64) (t tally, err error) {
	_, line, _ := strings.Cut(out, "done\t")
	var bytes, micros, failed int64
	if _, err := fmt.Sscan(line, &t.requests, &bytes, &micros, &failed); err != nil {
		return t, fmt.Errorf("cannot understand what wrk says: %w\n%s", err, out)
	}
	t.took = time.Duration(micros) * time.Microsecond
	if failed > 0 {
		return t, fmt.Errorf("requests failed:\n%s", out)
	}
	if bytes < t.requests*size || bytes > (t.requests+connections)*size {
		return t, fmt.Errorf("the answers are %d bytes, not %d times %d:\n%s", bytes, t.requests, size, out)
	}
	return t, nil
}
