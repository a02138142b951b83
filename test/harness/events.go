package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An Event is one of GET /v1/events.
type Event struct {
	Name       string    `json:"-"` // its event field
	ID         string    `json:"-"` // its id field
	Seq        int       `json:"seq"`
	At         time.Time `json:"at"`
	App        string    `json:"app"`
	Kind       string    `json:"kind"`
	What       string    `json:"what"`
	Process    int       `json:"process"`
	PID        int       `json:"pid"`
	Generation int       `json:"generation"`
	Restart    string    `json:"restart"`
	Why        string    `json:"why"`
}

// Events are read from an event stream until Close, or the end of the test.
type Events struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex // guards what follows
	seen []Event
	err  error
}

// Follow reads the events after the one with the id last; "" is from now on.
func (p *Purser) Follow(t testing.TB, last string) *Events {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &Events{cancel: cancel}
	t.Cleanup(e.Close)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Admin)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://purser/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatalf("cannot follow the events: %v", err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		resp.Body.Close()
		t.Fatalf("the events are answered with %d %s", resp.StatusCode, kind)
	}
	e.done.Go(func() {
		defer resp.Body.Close()
		e.read(bufio.NewScanner(resp.Body))
	})
	return e
}

// read takes the stream apart (HTML standard, section 9.2.6, as far as purser uses it).
func (e *Events) read(lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var next Event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			next.ID = value
		case "event":
			next.Name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &next); err != nil {
				e.fail(err)
				return
			}
		case "":
			if next.Name != "" {
				e.note(next)
			}
			next = Event{}
		}
	}
}

func (e *Events) note(next Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, next)
}

func (e *Events) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// Seen are all events so far. The test ends if one could not be read.
func (e *Events) Seen(t testing.TB) []Event {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		t.Fatalf("an event is no JSON: %v", e.err)
	}
	return slices.Clone(e.seen)
}

// Close ends the stream. It may be called again.
func (e *Events) Close() {
	e.cancel()
	e.done.Wait()
}
