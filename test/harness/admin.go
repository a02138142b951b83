package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sigTERM = syscall.SIGTERM

// A Status is the part of GET /v1/apps/{app} that the tests look at.
type Status struct {
	Name         string     `json:"name"`
	Condition    string     `json:"condition"`
	Generation   int        `json:"generation"`
	MinProcesses int        `json:"min_processes"`
	Processes    []Process  `json:"processes"`
	Queue        int        `json:"queue"`
	Failure      *Failure   `json:"failure"`
	Restart      *Restart   `json:"restart"`
	RetryAt      *time.Time `json:"retry_at"`
}

// A Process is one process in a Status.
type Process struct {
	PID         int    `json:"pid"`
	State       string `json:"state"`
	Generation  int    `json:"generation"`
	Release     string `json:"release"`
	Requests    int    `json:"requests"`
	Connections int    `json:"connections"`
	Processed   int    `json:"processed"`
}

// A Failure is why a spawn failed.
type Failure struct {
	Reason string   `json:"reason"`
	Output []string `json:"output"`
}

// A Restart is how far a restart is.
type Restart struct {
	ID         string   `json:"id"`
	State      string   `json:"state"`
	Generation int      `json:"generation"`
	Replaced   int      `json:"replaced"`
	Total      int      `json:"total"`
	Failure    *Failure `json:"failure"`
	Steps      []Step   `json:"steps"`
}

// A Step is one thing that a restart did.
type Step struct {
	At         time.Time `json:"at"`
	What       string    `json:"what"`
	PID        int       `json:"pid"`
	Generation int       `json:"generation"`
}

// An Answer is an HTTP answer that was read to its end.
type Answer struct {
	StatusCode int
	Header     http.Header
	Body       string
}

// Status asks for the state of app.
func (p *Purser) Status(t testing.TB, app string) Status {
	t.Helper()
	s, err := p.FetchStatus(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// FetchStatus is Status for goroutines that must not end the test.
func (p *Purser) FetchStatus(ctx context.Context, app string) (Status, error) {
	answer, err := p.adminRequest(ctx, http.MethodGet, "/v1/apps/"+app, nil)
	if err != nil {
		return Status{}, fmt.Errorf("cannot ask purser for the status of %s: %w", app, err)
	}
	var s Status
	if err := json.Unmarshal([]byte(answer.Body), &s); err != nil || answer.StatusCode != http.StatusOK {
		return Status{}, fmt.Errorf("purser answered %d to the status of %s: %q", answer.StatusCode, app, answer.Body)
	}
	return s, nil
}

// AdminRequest sends one request to the admin socket.
func (p *Purser) AdminRequest(t testing.TB, method, path string, body io.Reader) Answer {
	t.Helper()
	answer, err := p.adminRequest(t.Context(), method, path, body)
	if err != nil {
		t.Fatalf("cannot reach the admin socket: %v", err)
	}
	return answer
}

// AdminJSON asks the admin socket for a path and decodes the answer.
func (p *Purser) AdminJSON(t testing.TB, path string, into any) {
	t.Helper()
	answer := p.AdminRequest(t, http.MethodGet, path, nil)
	if err := json.Unmarshal([]byte(answer.Body), into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s is answered with %d (%v): %s", path, answer.StatusCode, err, answer.Body)
	}
}

// adminRequest asks again where purser says that it was upgraded meanwhile, as its own client does.
func (p *Purser) adminRequest(ctx context.Context, method, path string, body io.Reader) (Answer, error) {
	for {
		answer, err := p.askAdmin(ctx, method, path, body)
		if moved := answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(answer.Body, `"code":"moved"`); !moved || body != nil {
			return answer, err
		}
	}
}

func (p *Purser) askAdmin(ctx context.Context, method, path string, body io.Reader) (Answer, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", p.Admin)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://purser"+path, body)
	if err != nil {
		return Answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{StatusCode: resp.StatusCode, Header: resp.Header, Body: string(text)}, err
}

// Ready are the processes that take requests.
func (s Status) Ready() []Process {
	var ready []Process
	for _, p := range s.Processes {
		if p.State == "ready" {
			ready = append(ready, p)
		}
	}
	return ready
}

// PIDs are the process ids of all processes.
func (s Status) PIDs() []int {
	pids := make([]int, 0, len(s.Processes))
	for _, p := range s.Processes {
		pids = append(pids, p.PID)
	}
	return pids
}

// Eventually looks every few milliseconds whether ok, and ends the test if it is not within limit.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
}
