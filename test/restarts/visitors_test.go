package restarts

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// Visitors each ask again and again on a connection of their own, and keep the cookies that they are
// given. None may ever be answered by an older generation than before.
type visitors struct {
	t    *testing.T
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex // guards what follows
	asked int
	moved int // how often a visitor was answered by a newer generation than before
	wrong []string
}

// visit sends n visitors, each of whom asks every few milliseconds.
func visit(t *testing.T, p *harness.Purser, n int, pause time.Duration) *visitors {
	v := &visitors{t: t, stop: make(chan struct{})}
	for i := range n {
		v.done.Go(func() { v.stroll(p.Addr, pause+time.Duration(i)*time.Millisecond) })
	}
	return v
}

// end waits for the last answers and fails the test if anybody was sent back or turned away.
func (v *visitors) end() {
	v.t.Helper()
	close(v.stop)
	v.done.Wait()
	for _, wrong := range v.wrong[:min(5, len(v.wrong))] {
		v.t.Error(wrong)
	}
	if v.moved == 0 {
		v.t.Error("no visitor ever got to a newer generation")
	}
	v.t.Logf("visitors that keep their cookies: %d requests, %d times a newer generation, %d times something wrong",
		v.asked, v.moved, len(v.wrong))
}

func (v *visitors) stroll(addr string, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		v.complain("cannot connect: %v", err)
		return
	}
	defer conn.Close()
	in, cookie, seen := bufio.NewReader(conn), "", 0
	for {
		select {
		case <-v.stop:
			return
		case <-tick.C:
		}
		generation, given, err := ask(conn, in, cookie)
		if err != nil {
			v.complain("after generation %d: %v", seen, err)
			return
		}
		if given != "" {
			cookie = given
		}
		v.note(seen, generation)
		seen = max(seen, generation)
	}
}

// ask sends one request and returns which generation answered, and a cookie if one was set.
func ask(conn net.Conn, in *bufio.Reader, cookie string) (generation int, given string, err error) {
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	head := "GET / HTTP/1.1\r\nHost: example.org\r\n"
	if cookie != "" {
		head += "Cookie: " + cookie + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return 0, "", fmt.Errorf("cannot send: %w", err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, "", fmt.Errorf("cannot read the answer: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Close {
		return 0, "", fmt.Errorf("answered %d (close %v) %.200q (%v)", resp.StatusCode, resp.Close, body, err)
	}
	for _, c := range resp.Cookies() {
		given = c.Name + "=" + c.Value
	}
	return harness.GenerationIn(string(body)), given, nil
}

func (v *visitors) note(seen, generation int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	switch {
	case generation < seen:
		v.wrong = append(v.wrong, fmt.Sprintf("a visitor who had seen generation %d was answered by %d", seen, generation))
	case generation > seen && seen > 0:
		v.moved++
	}
}

func (v *visitors) complain(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}
