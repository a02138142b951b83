package front

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

const limitedTo = `
[[apps.app.limits]]
path = "/login*"
rate = "3/h"
`

// limited serves the app of Node with limits, and returns what gives it others while it runs.
func limited(t *testing.T, limits string, server ...string) (*harness.Purser, func(limits string, server ...string)) {
	t.Helper()
	app := harness.NewApp(t, "node")
	config := func(limits string, server ...string) string {
		return harness.ServerTable(server...) + harness.AppTable("app", app.Dir, harness.Processes(1)) + limits
	}
	p := harness.Serve(t, harness.Options{Config: config(limits, server...)})
	return p, func(limits string, server ...string) {
		t.Helper()
		if err := os.WriteFile(p.Config, []byte(strings.ReplaceAll(config(limits, server...), "$LISTEN", p.Addr)), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := p.Run(harness.Within(t), "reload"); r.Code != 0 {
			t.Fatalf("purser reload exited with %d: %s%s", r.Code, r.Stdout, r.Stderr)
		}
	}
}

func TestWhoGuessesPasswordsIsSlowedDownHoweverThePathIsWritten(t *testing.T) {
	t.Parallel()
	p, change := limited(t, limitedTo)
	for i, path := range []string{"/login", "/%6cogin", "//login.json?user=1"} {
		if a := harness.Get(t, p, path); a.StatusCode == 429 {
			t.Fatalf("attempt %d is refused", i+1)
		}
	}
	for _, path := range []string{"/login", "/x/../login", "/%6C%6Fgin", "/login%2F"} {
		a := harness.Get(t, p, path)
		if a.StatusCode != 429 || a.Header.Get("Purser-Error") != "rate_limited" || a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit") == "" {
			t.Errorf("%s: answered %d %v", path, a.StatusCode, a.Header)
		}
	}
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("another path: answered %d", a.StatusCode)
	}
	if len(p.Log.Lines("more than 3/h came from this address for /login*")) == 0 {
		t.Error("the log does not say so")
	}
	change(limitedTo, "max_spawns = 3")
	if a := harness.Get(t, p, "/login"); a.StatusCode != 429 {
		t.Errorf("a reload that leaves the limit as it is: answered %d", a.StatusCode)
	}
	change("")
	if a := harness.Get(t, p, "/login"); a.StatusCode == 429 {
		t.Error("the limit that was taken out still holds")
	}
}

func TestUploadsMayBeLargerWhereTheyBelong(t *testing.T) {
	t.Parallel()
	p, _ := limited(t, "max_body = \"1KiB\"\n[[apps.app.limits]]\npath = \"/upload\"\nmax_body = \"1MiB\"\n")
	big := "Content-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000)
	for path, refused := range map[string]bool{"/": true, "/upload/photo": false, "/uploads": true} {
		c := harness.Dial(t, p)
		c.Send("POST " + path + " HTTP/1.1\r\nHost: a\r\n" + big)
		if a := c.Answer("POST"); (a.StatusCode == 413) != refused {
			t.Errorf("%s: answered %d", path, a.StatusCode)
		}
	}
	c := harness.Dial(t, p)
	c.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n")
	if a := c.Answer("POST"); a.StatusCode != 413 {
		t.Errorf("a client that waits to be asked: answered %d, not 413", a.StatusCode)
	}
}

func TestLimitsForClientsHoldAtAReload(t *testing.T) {
	t.Parallel()
	p, change := limited(t, "", "keepalive_requests = 2")
	c := harness.Dial(t, p)
	c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, res, err := c.TryAnswer("GET"); err != nil || res.Close {
		t.Errorf("the first answer is the last (%v)", err)
	}
	change("", "keepalive_requests = 2", `head_timeout = "1s"`, `body_timeout = "1s"`, "max_connections_per_address = 2")
	c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, res, err := c.TryAnswer("GET"); err != nil || !res.Close || !c.Closed() {
		t.Errorf("the second answer is not the last (%v)", err)
	}
	head, body := patient(t, p), patient(t, p)
	head.Send("GET / HTTP/1.1\r\nHos")
	body.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
	begin := time.Now()
	turnedAway(t, p)
	for name, c := range map[string]*harness.Conn{"head": head, "body": body} {
		if a := c.Answer("POST"); a.StatusCode != 408 {
			t.Errorf("a slow %s: answered %d, not 408", name, a.StatusCode)
		}
	}
	if took := time.Since(begin); took > 12*time.Second { // the usual limits are 15 and 30 seconds
		t.Errorf("slow clients were given up after %v, not after about 1 s", took)
	}
	if len(p.Log.Lines("it has max_connections_per_address connections already")) == 0 {
		t.Error("the log does not say who was refused")
	}
	change("")
	for range 3 {
		harness.Dial(t, p)
	}
	if a := harness.Get(t, p, "/"); a.StatusCode != 200 {
		t.Errorf("without the limit: answered %d", a.StatusCode)
	}
}

// turnedAway connects, and is told that there are too many.
func turnedAway(t *testing.T, p *harness.Purser) {
	t.Helper()
	c := harness.Dial(t, p)
	a, _, err := c.TryAnswer("GET")
	if err != nil || a.StatusCode != 429 || a.Header.Get("Purser-Error") != "rate_limited" {
		t.Errorf("one connection too many: answered %d (%v)", a.StatusCode, err)
	}
}

func TestMostConnectionsAreForThoseWhoWork(t *testing.T) {
	t.Parallel()
	p, _ := limited(t, "", "max_connections = 20")
	var idle []net.Conn
	for range 60 { // each takes the place of one that has been silent for longer
		c := harness.Dial(t, p)
		c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if a := c.Answer("GET"); a.StatusCode != 200 {
			t.Fatalf("answered %d though others are idle", a.StatusCode)
		}
		idle = append(idle, c.Net)
	}
	left := 0
	for _, c := range idle {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); os.IsTimeout(err) {
			left++
		}
	}
	if left > 20 || left < 10 {
		t.Errorf("%d connections are left of which 20 may be", left)
	}
}
