package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var wrkRequests = regexp.MustCompile(`(\d+) requests in `)

// load keeps connections busy against addr from core 1 and returns the number of requests that were
// answered. Any answer but 200 is an error: a front that fails fast must not look fast.
func load(addr string, connections, seconds int) (int, error) {
	line := []string{os.Args[0], "-load", addr, "-connections", strconv.Itoa(connections), "-seconds", strconv.Itoa(seconds)}
	if wrk, err := exec.LookPath("wrk"); err == nil {
		line = []string{wrk, "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "http://" + addr + "/"}
	}
	line = pinned(1, line...)
	out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("the load generator failed: %w\n%s", err, out)
	}
	text := string(out)
	if strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
		return 0, fmt.Errorf("requests failed:\n%s", text)
	}
	if found := wrkRequests.FindStringSubmatch(text); found != nil {
		text = found[1]
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n == 0 {
		return 0, fmt.Errorf("no request was answered:\n%s", text)
	}
	return n, nil
}

// generate is the load generator where there is no wrk: each connection sends its next request once
// the last one is answered.
func generate(addr string, connections, seconds int) int64 {
	var answered atomic.Int64
	var done sync.WaitGroup
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	for range connections {
		done.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for time.Now().Before(deadline) {
				if err := once(conn, in, addr); err != nil {
					fatal(err)
				}
				answered.Add(1)
			}
		})
	}
	done.Wait()
	return answered.Load()
}

func once(conn net.Conn, in *bufio.Reader, addr string) error {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+addr+"\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}
