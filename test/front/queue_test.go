package front

import (
	"strings"
	"testing"

	"purser/test/harness"
)

// oneAtATime is an app that one request keeps busy.
var oneAtATime = []string{harness.Processes(1), "concurrency = 1"}

func TestClientThatLeavesTheQueueIsNeverGivenToTheApp(t *testing.T) {
	p, app := harness.ServeNode(t, oneAtATime...)
	busy := occupy(t, p)
	leaver := harness.Dial(t, p)
	leaver.Send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitQueue(t, p, 1)
	_ = leaver.Net.Close()
	awaitQueue(t, p, 0)
	app.Write(enough, "")
	if a := busy.Answer("GET"); a.StatusCode != 200 {
		t.Errorf("the request before got %d", a.StatusCode)
	}
	if seen := harness.Get(t, p, "/seen").Body; strings.Contains(seen, "/left") {
		t.Errorf("the app was given the request of a client that had left: %s", seen)
	}
}

func TestFullQueueIs503WithRetryAfter(t *testing.T) {
	p, app := harness.ServeNode(t, append(oneAtATime, "max_queue = 1")...)
	busy := occupy(t, p)
	queued := harness.Dial(t, p)
	queued.Send("GET /queued HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitQueue(t, p, 1)
	mustRefuse(t, harness.Get(t, p, "/"), 503, "queue_full")
	app.Write(enough, "")
	if a := busy.Answer("GET"); a.StatusCode != 200 {
		t.Errorf("the busy request got %d", a.StatusCode)
	}
	if a := queued.Answer("GET"); a.StatusCode != 200 {
		t.Errorf("the queued request got %d", a.StatusCode)
	}
}

func TestWaitingTooLongInTheQueueIs504(t *testing.T) {
	p, _ := harness.ServeNode(t, append(oneAtATime, `queue_timeout = "200ms"`)...)
	occupy(t, p)
	mustRefuse(t, harness.Get(t, p, "/"), 504, "queue_timeout")
}

func TestQueuedRequestsAreServedInOrder(t *testing.T) {
	p, app := harness.ServeNode(t, oneAtATime...)
	busy := occupy(t, p)
	var queued []*harness.Conn
	for n := range 5 {
		c := harness.Dial(t, p)
		c.Send("GET /slow?ms=1 HTTP/1.1\r\nHost: a\r\n\r\n")
		queued = append(queued, c)
		awaitQueue(t, p, n+1)
	}
	app.Write(enough, "")
	busy.Answer("GET")
	for n, c := range queued {
		if a := c.Answer("GET"); a.StatusCode != 200 {
			t.Errorf("queued request %d got %d", n, a.StatusCode)
		}
	}
}

func TestMoreRequestsThanProcessesSpawnUpToMaxAndShrinkAgain(t *testing.T) {
	p, app := harness.ServeNode(t, "min_processes = 1", "max_processes = 3", "concurrency = 1", `idle_timeout = "300ms"`)
	var busy []*harness.Conn
	for range 3 {
		busy = append(busy, occupy(t, p))
	}
	harness.AwaitReady(t, p, 3)
	app.Write(enough, "")
	for _, c := range busy {
		c.Answer("GET")
	}
	harness.AwaitReady(t, p, 1)
}

func TestSlowAppIs504AfterRequestTimeoutAndIsReplaced(t *testing.T) {
	p, _ := harness.ServeNode(t, `request_timeout = "300ms"`)
	old := p.Status(t, "app").Ready()[0].PID
	mustRefuse(t, harness.Get(t, p, "/slow?ms=60000"), 504, "app_timeout")
	harness.Eventually(t, harness.Patience, "the process is replaced", func() bool {
		ready := p.Status(t, "app").Ready()
		return len(ready) == 1 && ready[0].PID != old
	})
}

func TestUnknownHostIsNotFoundByPurserAndSaysSo(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `hosts = ["blog.test", "*.wild.test"]`)})
	for host, want := range map[string]int{"blog.test": 200, "BLOG.test:80": 200, "a.wild.test": 200, "other.test": 404} {
		a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if a.StatusCode != want || want == 404 && a.Header.Get("Purser-Error") != "no_app" {
			t.Errorf("Host %s: %d with Purser-Error %q, not %d", host, a.StatusCode, a.Header.Get("Purser-Error"), want)
		}
	}
}

func TestErrorsAreJSONForThoseWhoPreferIt(t *testing.T) {
	p, _ := harness.ServeNode(t, append(oneAtATime, `queue_timeout = "100ms"`)...)
	occupy(t, p)
	a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || !strings.Contains(a.Body, "queue_timeout") {
		t.Errorf("the error came as %q: %s", a.Header.Get("Content-Type"), a.Body)
	}
}

// enough is the file in the app's folder at which its processes answer the requests that keep them busy.
const enough = "enough"

// occupy sends a request that keeps a process busy until there is enough, and returns once it does.
func occupy(t *testing.T, p *harness.Purser) *harness.Conn {
	t.Helper()
	before := busyProcesses(p.Status(t, "app"))
	c := harness.Dial(t, p)
	c.Send("GET /until?file=" + enough + " HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "the process is busy", func() bool { return busyProcesses(p.Status(t, "app")) > before })
	return c
}

func busyProcesses(s harness.Status) int {
	n := 0
	for _, process := range s.Ready() {
		n += process.Requests
	}
	return n
}

func awaitQueue(t *testing.T, p *harness.Purser, n int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the queue has its length", func() bool { return p.Status(t, "app").Queue == n })
}

// mustRefuse expects an answer of purser's own.
func mustRefuse(t *testing.T, a harness.Answer, status int, reason string) {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Purser-Error") != reason {
		t.Errorf("answered %d with Purser-Error %q, not %d %s", a.StatusCode, a.Header.Get("Purser-Error"), status, reason)
	}
	if status == 503 && a.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	if a.Header.Get("X-Request-Id") == "" && !strings.Contains(strings.ToLower(a.Body), "request") {
		t.Errorf("the answer shows no request id: %v %s", a.Header, a.Body)
	}
}
