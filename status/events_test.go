package status

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"purser/pool"
)

// A told is one server-sent event.
type told struct{ id, event, data string }

// A listener reads an event stream in the background, until the test ends or the stream does.
type listener struct {
	t      *testing.T
	events chan told // closed at the end of the stream
}

// listen begins to read GET /v1/events.
func (r *rig) listen(t *testing.T, query, lastID string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, "GET", "http://purser/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := r.client.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("the stream is answered with %d, %s", response.StatusCode, got)
	}
	l := &listener{t: t, events: make(chan told, 100_000)}
	over := make(chan struct{})
	go l.read(response.Body, over)
	t.Cleanup(func() {
		cancel()
		<-over
	})
	return l
}

func (l *listener) read(body io.ReadCloser, over chan<- struct{}) {
	defer close(over)
	defer close(l.events)
	defer body.Close()
	var e told
	for lines := bufio.NewScanner(body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if value == "" && e != (told{}) {
				l.events <- e
			}
			e = told{}
		}
	}
}

// next returns the next event; ok is false at the end of the stream.
func (l *listener) next() (e told, ok bool) {
	l.t.Helper()
	select {
	case e, ok = <-l.events:
		return e, ok
	case <-time.After(10 * time.Second):
		l.t.Fatal("there is no event within ten seconds")
		return told{}, false
	}
}

// until returns the events up to and with the one that a restart ended with.
func (l *listener) until(what string) []pool.Event {
	l.t.Helper()
	var all []pool.Event
	for {
		got, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended before %s, after %+v", what, all)
		}
		var e pool.Event
		if err := json.Unmarshal([]byte(got.data), &e); err != nil {
			l.t.Fatalf("%q is no event: %v", got.data, err)
		}
		if got.id != fmt.Sprint(e.Seq) || got.event != e.Kind {
			l.t.Errorf("the event %+v does not fit its data", got)
		}
		if all = append(all, e); e.Kind == "restart" && e.What == what {
			return all
		}
	}
}

// overflow has so much happen that the pool forgets what was before.
func (r *rig) overflow() {
	g := r.Pool.Group("blog")
	for range 4500 { // each is two events at least: it is requested, and superseded
		g.Restart(pool.RestartRequest{Release: pool.Release{Path: "/srv/blog"}})
	}
}

func TestEachTransitionIsToldOnce(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	live := r.listen(t, "", "")
	if _, err := r.client.Restart(t.Context(), "blog", RestartOptions{Reason: "release 42"}); err != nil {
		t.Fatal(err)
	}
	events := live.until("done")
	for i, e := range events {
		if e.App != "blog" || i > 0 && e.Seq != events[i-1].Seq+1 {
			t.Errorf("event %d is not the one after the one before: %+v", i, e)
		}
	}
	if first := events[0]; first.Kind != "restart" || first.What != "requested" {
		t.Errorf("the first event from now on is %+v", first)
	}
	states := map[string]int{}
	for _, e := range events {
		if e.Kind == "process" {
			states[fmt.Sprintf("%d became %s", e.Process, e.What)]++
		}
	}
	for what, n := range states {
		if n != 1 {
			t.Errorf("process %s is told %d times", what, n)
		}
	}
	for _, what := range []string{"1 became draining", "2 became gone", "3 became ready", "4 became ready"} {
		if states[what] != 1 {
			t.Errorf("process %s is not told, but %v", what, states)
		}
	}
}

func TestAStreamIsResumedWhereItEnded(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	if _, err := r.client.Restart(t.Context(), "blog", RestartOptions{}); err != nil {
		t.Fatal(err)
	}
	all := r.listen(t, "?after=0", "").until("done")
	if all[0].Seq != 1 {
		t.Errorf("all that is remembered begins with %+v", all[0])
	}
	third := fmt.Sprint(all[2].Seq)
	for _, l := range []*listener{r.listen(t, "?after="+third, ""), r.listen(t, "", third), r.listen(t, "?after=0", third)} {
		if rest := l.until("done"); rest[0].Seq != all[3].Seq || len(rest) != len(all)-3 {
			t.Errorf("after %s it goes on with %+v, and %d more", third, rest[0], len(rest)-1)
		}
	}
	if status, _, body := r.call(t, "GET", "/v1/events?after=yesterday", ""); status != 400 || !strings.Contains(body, "number of an event") {
		t.Errorf("a start that is none is answered with %d %s", status, body)
	}
}

func TestAReaderOfAnEarlierPurserIsToldSo(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	l := r.listen(t, "", "4711000")
	if e, _ := l.next(); e != (told{event: "lost", data: `{"lost":0}`}) {
		t.Errorf("the first that it is told is %+v", e)
	}
	if e, _ := l.next(); e.id != "1" {
		t.Errorf("after that it does not begin anew, but with %+v", e)
	}
}

func TestWhoComesTooLateIsToldWhatItLost(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	r.overflow()
	l := r.listen(t, "?after=7", "")
	e, _ := l.next()
	var gap struct{ Lost uint64 }
	if err := json.Unmarshal([]byte(e.data), &gap); err != nil || e.event != "lost" || gap.Lost == 0 {
		t.Fatalf("the first that it is told is %+v", e)
	}
	if e, _ := l.next(); e.id != fmt.Sprint(7+gap.Lost+1) {
		t.Errorf("%d are lost after 7, but it goes on with %s", gap.Lost, e.id)
	}
}

func TestAStreamOutlivesTheWriteTimeout(t *testing.T) {
	r := newRigWith(t, false, hasty)
	r.awaitReady(t)
	l := r.listen(t, "", "")
	<-time.After(3 * hastyTimeout)
	r.Pool.Group("blog").Restart(pool.RestartRequest{Release: pool.Release{Path: "/srv/blog"}})
	l.until("done")
}

func TestShutdownEndsEventStreams(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	l := r.listen(t, "?after=0", "")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("the server did not shut down: %v", err)
	}
	for ok := true; ok; {
		_, ok = l.next()
	}
}

func TestAReaderThatDoesNotReadHoldsNobody(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	request, err := http.NewRequest("GET", "http://purser/v1/events?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := r.client.http.Do(request) // and nothing of its body is read
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	r.overflow()
	if got := r.listen(t, "", fmt.Sprint(r.newest()-1)); got != nil {
		if e, ok := got.next(); !ok || e.id == "" {
			t.Errorf("another reader is told %+v", e)
		}
	}
}
