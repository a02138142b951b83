package front

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

// An httpCase is one bad or unusual exchange: what is sent, and its four observables, which are the
// bytes to the client, the bytes that reached the app, the connection afterwards and the log line.
type httpCase struct {
	name     string  // the number of its rule and what it is about
	send     string  // what the client sends
	then     string  // what it sends once the first answer is there
	method   string  // of the answers; default GET
	app      []reply // what the app answers; after these okReply
	fresh    bool    // the app's connection is a new one, not one kept alive
	status   []int   // of all answers, 1xx too; default 200
	reason   string  // Purser-Error of the last
	client   []string
	never    []string // must not be in what the client gets
	conn     state    // of the client's connection afterwards
	requests int      // that reached the app; 0 = those that were not refused
	reached  []string // in the bytes that reached the app
	kept     []string // from the app: must not be in them
	appConn  state    // of the app's connection afterwards
	cut      bool     // the answer ends before it is complete
}

// A state is what became of a connection.
type state int

const (
	unlooked state = iota // not looked at
	open                  // takes another request
	ended                 // closed
)

// none is that purser answers in the app's place.
const none = -1

const (
	maxBody = 8 << 20
	get11   = "GET / HTTP/1.1\r\nHost: a.test\r\n"
	post11  = "POST / HTTP/1.1\r\nHost: a.test\r\n"
	chunked = post11 + "Transfer-Encoding: chunked\r\n"
)

// A caseBench is the purser that all cases share.
type caseBench struct {
	p      *harness.Purser
	origin *origin
	log    string     // the access log
	ids    [][]string // the ids of each case's requests, in the order of the cases
}

func TestHTTPCases(t *testing.T) {
	b, all := newCaseBench(t), allHTTPCases()
	b.ids = make([][]string, len(all))
	for n, c := range all {
		t.Run(c.name, func(t *testing.T) { b.ids[n] = b.run(t, c) })
	}
	t.Run("each is logged", func(t *testing.T) { b.checkLog(t, all) })
}

func newCaseBench(t *testing.T) *caseBench {
	origin, keys := newOrigin(t)
	dir := harness.EmptyApp(t).Dir
	b := &caseBench{origin: origin, log: filepath.Join(dir, "access.log")}
	keys = append(keys, harness.Processes(1), fmt.Sprintf("max_body = %q", strconv.Itoa(maxBody)+"B"))
	b.p = harness.Serve(t, harness.Options{Config: harness.ServerTable(`access_log = "`+b.log+`"`, `access_log_format = "json"`) +
		harness.AppTable("app", dir, keys...)})
	return b
}

// run plays a case and returns the ids of its requests.
func (b *caseBench) run(t *testing.T, c httpCase) []string {
	b.prepare(t, c.fresh)
	b.origin.expect(c.app)
	w := harness.Dial(t, b.p)
	raw := b.talk(t, w, c)
	c.checkClient(t, raw)
	c.checkApp(t, b.origin.arrivals())
	ids := requestIDs(raw, b.origin.arrivals())
	b.checkConnections(t, w, c)
	return ids
}

// prepare leaves the app's side with exactly one idle connection, or with none.
func (b *caseBench) prepare(t *testing.T, fresh bool) {
	t.Helper()
	r := reply{bytes: okReply}
	if fresh {
		r = reply{bytes: okHead + "Connection: close\r\n\r\nok", hangUp: true}
	}
	b.origin.expect([]reply{r})
	if a := harness.Get(t, b.p, "/"); a.StatusCode != 200 {
		t.Fatalf("before the case an ordinary request got %d: %s", a.StatusCode, a.Body)
	}
}

// talk plays the client and returns all it got.
func (b *caseBench) talk(t *testing.T, w *harness.Conn, c httpCase) string {
	t.Helper()
	var raw strings.Builder
	w.In.Reset(io.TeeReader(w.Net, &raw))
	sent := w.SendAside(c.send)
	for n, want := range c.statuses() {
		a, _, err := w.TryAnswer(c.method)
		if last := n == len(c.statuses())-1; err != nil && !(c.cut && last && a.StatusCode != 0) {
			t.Fatalf("answer %d: %v; got so far: %.500q", n+1, err, raw.String())
		} else if last && c.cut && err == nil {
			t.Errorf("the answer looks complete: %.500q", raw.String())
		}
		if a.StatusCode != want {
			t.Fatalf("answer %d has status %d, not %d: %.500q", n+1, a.StatusCode, want, raw.String())
		}
		if reason := a.Header.Get("Purser-Error"); n == len(c.statuses())-1 && c.reason != "" && reason != c.reason {
			t.Errorf("Purser-Error is %q, not %q", reason, c.reason)
		}
		if n == 0 && c.then != "" {
			w.Send(c.then)
		}
	}
	if c.conn == ended && !w.Closed() {
		t.Errorf("the connection is still open, or more came: %.500q", raw.String())
	}
	<-sent
	return raw.String()
}

func (c httpCase) checkClient(t *testing.T, raw string) {
	t.Helper()
	for _, want := range c.client {
		if !strings.Contains(raw, want) {
			t.Errorf("the client did not get %q: %.800q", want, raw)
		}
	}
	for _, never := range c.never {
		if strings.Contains(raw, never) {
			t.Errorf("the client got %q: %.800q", never, raw)
		}
	}
}

func (c httpCase) checkApp(t *testing.T, seen []arrival) {
	t.Helper()
	if len(seen) != c.wantRequests() {
		t.Errorf("the app saw %d requests, not %d", len(seen), c.wantRequests())
	}
	var all strings.Builder
	for _, a := range seen {
		all.WriteString(a.raw)
	}
	if t.Failed() {
		t.Logf("the app saw %.800q", all.String())
	}
	for _, want := range c.reached {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%q did not reach the app: %.800q", want, all.String())
		}
	}
	for _, kept := range c.kept {
		if strings.Contains(strings.ToLower(all.String()), strings.ToLower(kept)) {
			t.Errorf("%q reached the app: %.800q", kept, all.String())
		}
	}
}

// wantRequests is how many requests reach the app: those that were not refused, unless said.
func (c httpCase) wantRequests() int {
	switch {
	case c.requests > 0:
		return c.requests
	case c.requests == none:
		return 0
	}
	n := 0
	for _, status := range c.finals() {
		if status < 400 {
			n++
		}
	}
	return n
}

// statuses are those of all answers, interim ones too.
func (c httpCase) statuses() []int {
	if len(c.status) == 0 {
		return []int{http.StatusOK}
	}
	return c.status
}

// finals are the statuses of the answers that end an exchange.
func (c httpCase) finals() []int {
	var finals []int
	for _, status := range c.statuses() {
		if isFinal(status) {
			finals = append(finals, status)
		}
	}
	return finals
}

func isFinal(status int) bool { return status >= 200 || status == http.StatusSwitchingProtocols }

var requestID = regexp.MustCompile(`(?i)\r\nX-Request-ID: ([\w-]+)\r\n`)

// requestIDs are those that purser's own answers show, and those that it gave to the app.
func requestIDs(raw string, seen []arrival) []string {
	for _, a := range seen {
		raw += a.raw
	}
	var ids []string
	for _, found := range requestID.FindAllStringSubmatch(raw, -1) {
		if !slices.Contains(ids, found[1]) { // a request that was sent to the app twice is one
			ids = append(ids, found[1])
		}
	}
	return ids
}

// checkLog expects one line of the access log for each answer, with its status and reason. The lines
// of different connections come in any order.
func (b *caseBench) checkLog(t *testing.T, all []httpCase) {
	lines := map[string]string{}
	complete := func() bool {
		text, err := os.ReadFile(b.log)
		for line := range strings.Lines(string(text)) {
			if id := loggedID.FindStringSubmatch(line); id != nil {
				lines[id[1]] = line
			}
		}
		return err == nil && !slices.ContainsFunc(slices.Concat(b.ids...), func(id string) bool { return lines[id] == "" })
	}
	harness.Eventually(t, harness.Patience, "every request is in the access log", complete)
	for n, c := range all {
		if b.ids[n] != nil { // else it has failed already
			c.checkLines(t, b.ids[n], lines)
		}
	}
}

var loggedID = regexp.MustCompile(`"request_id":"([\w-]+)"`)

func (c httpCase) checkLines(t *testing.T, ids []string, lines map[string]string) {
	finals := c.finals()
	if c.requests == none && len(ids) == 0 {
		return // an answer about the server itself has no id to be found by
	}
	if len(ids) != len(finals) {
		t.Errorf("%s: %d requests have an id, but there are %d answers", c.name, len(ids), len(finals))
		return
	}
	for n, id := range ids {
		if !strings.Contains(lines[id], `"status":`+strconv.Itoa(finals[n])) {
			t.Errorf("%s: answer %d of status %d is logged as %s", c.name, n+1, finals[n], lines[id])
		}
	}
	if c.reason != "" && !strings.Contains(lines[ids[len(ids)-1]], c.reason) {
		t.Errorf("%s: the line does not give the reason %s: %s", c.name, c.reason, lines[ids[len(ids)-1]])
	}
}

// checkConnections sends one more request: on the same connection if it is to be open.
func (b *caseBench) checkConnections(t *testing.T, w *harness.Conn, c httpCase) {
	t.Helper()
	before := b.origin.arrivals()
	if c.conn == open {
		w.Send(get11 + "\r\n")
		if a, _, err := w.TryAnswer("GET"); err != nil || a.StatusCode != 200 || a.Body != "ok" {
			t.Errorf("the connection takes no other request: %d %q %v", a.StatusCode, a.Body, err)
		}
	} else if c.appConn != unlooked {
		harness.Get(t, b.p, "/")
	}
	after := b.origin.arrivals()
	if c.appConn == unlooked || len(before) == 0 || len(after) == len(before) {
		return
	}
	reused := after[len(after)-1].conn == before[len(before)-1].conn
	if reused != (c.appConn == open) {
		t.Errorf("the app's connection was used again: %v", reused)
	}
}
