package front

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// A peer is a server that purser takes the place of, with an app behind it that is this test.
type peer struct {
	name   string
	args   func(config string) []string
	config string // DIR, ADDR and SOCKET stand for its folder, its own address and the app's
}

// Each has what its manual proposes for an app behind it, but for the times, that a case does not wait for long.
var peers = []peer{
	{"nginx", func(config string) []string { return []string{"-c", config} }, `
daemon off;
master_process off;
user root;
pid DIR/nginx.pid;
error_log DIR/nginx.err;
events {}
http {
  access_log off;
  client_body_temp_path DIR/nginx-body; proxy_temp_path DIR/nginx-proxy;
  fastcgi_temp_path DIR/nginx-f; uwsgi_temp_path DIR/nginx-u; scgi_temp_path DIR/nginx-s;
  client_header_timeout 500ms; client_body_timeout 500ms; proxy_read_timeout 500ms;
  client_max_body_size 8m; keepalive_requests 10000;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app { server unix:SOCKET; keepalive 4; }
  server {
    listen ADDR;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }
  }
}
`},
	{"haproxy", func(config string) []string { return []string{"-db", "-q", "-f", config} }, `
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout http-request 500ms
frontend cases
    bind ADDR
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend app
backend app
    server app unix@SOCKET
`},
}

// TestNginxAndHAProxyPlayTheSameCases prints what is another way there. That is no failure: it is what somebody who moves
// to purser may find changed.
func TestNginxAndHAProxyPlayTheSameCases(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o := listenAsOrigin(t)
			addr := p.start(t, o.socket)
			d := differences{}
			for _, c := range allHTTPCases() {
				d.note(c, playAt(t, addr, o, c))
			}
			for _, line := range d.lines() {
				t.Logf("%s %s", p.name, line)
			}
		})
	}
}

// start starts the peer and returns its address.
func (p peer) start(t *testing.T, app string) (addr string) {
	t.Helper()
	addr, dir := harness.FreeAddr(), harness.EmptyApp(t).Dir
	config := filepath.Join(dir, p.name+".conf")
	text := strings.NewReplacer("DIR", dir, "ADDR", addr, "SOCKET", app).Replace(p.config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	running, err := harness.StartProgram(exec.Command(p.name, p.args(config)...))
	if err != nil {
		t.Fatalf("this test needs %s: %v", p.name, err)
	}
	t.Cleanup(func() { _, _ = running.Stop(harness.Patience) })
	harness.Eventually(t, harness.Patience, p.name+" listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return addr
}

// An outcome is what became of a case at a peer.
type outcome struct {
	raw      string // all that the client got
	statuses []int  // of the answers that came
	cut      bool   // the last answer was not whole
	kept     bool   // the connection takes another request
	seen     []arrival
}

// atPeers is how long the answers to a case are waited for: longer than the peers' own times, which are short.
const atPeers = 2 * time.Second

func playAt(t *testing.T, addr string, o *origin, c httpCase) outcome {
	t.Helper()
	o.expect(c.app)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(atPeers))
	var raw strings.Builder
	w := &harness.Conn{T: t, Net: conn, In: bufio.NewReader(io.TeeReader(conn, &raw))}
	sent := w.SendAside(c.send)
	var all outcome
	for missing := len(c.finals()); missing > 0; {
		a, _, err := w.TryAnswer(c.method)
		if a.StatusCode != 0 {
			all.statuses = append(all.statuses, a.StatusCode)
		}
		if all.cut = err != nil && a.StatusCode != 0; err != nil {
			break
		}
		if isFinal(a.StatusCode) {
			missing--
		}
		if len(all.statuses) == 1 && c.then != "" {
			_, _ = io.WriteString(conn, c.then)
		}
	}
	all.raw, all.seen = raw.String(), o.arrivals()
	if all.kept = asksAgain(w, o); !all.kept {
		_ = conn.Close()
	}
	<-sent
	return all
}

// asksAgain reports whether one more request on a connection reaches the app.
func asksAgain(w *harness.Conn, o *origin) bool {
	const probe = "GET /once-more HTTP/1.1\r\n"
	_ = w.Net.SetDeadline(time.Now().Add(atPeers))
	if _, err := io.WriteString(w.Net, probe+"Host: a.test\r\n\r\n"); err != nil {
		return false
	}
	for {
		if _, _, err := w.TryAnswer("GET"); err != nil {
			return false
		}
		if slices.ContainsFunc(o.arrivals(), func(a arrival) bool { return strings.HasPrefix(a.raw, probe) }) {
			return true
		}
	}
}

// differences are the cases that are another way, by what is.
type differences map[string][]string

func (d differences) note(c httpCase, at outcome) {
	number, _, _ := strings.Cut(c.name, " ")
	for what, status := range at.differs(c) {
		if status != "" {
			number += " (" + status + ")"
		}
		if !slices.Contains(d[what], number) {
			d[what] = append(d[what], number)
		}
	}
}

// lines are one for each kind: the rows, and with which status.
func (d differences) lines() []string {
	var all []string
	for _, what := range kindsOfDifference {
		if len(d[what]) > 0 {
			slices.SortFunc(d[what], byNumber)
			all = append(all, what+": "+strings.Join(d[what], ", "))
		}
	}
	return all
}

// byNumber compares what begins with a number.
func byNumber(a, b string) int {
	var of [2]int
	for i, s := range []string{a, b} {
		_, _ = fmt.Sscan(s, &of[i])
	}
	return cmp.Or(of[0]-of[1], strings.Compare(a, b))
}

const (
	passesOn     = "gives the app what purser refuses"
	refuses      = "refuses what purser takes"
	otherStatus  = "refuses with another status, or without an answer (0)"
	otherAnswer  = "answers otherwise"
	keepsOpen    = "goes on with a connection that purser ends"
	endsIt       = "ends a connection that purser goes on with"
	otherRequest = "tells the app other things, or asks it another number of times"
	otherFields  = "tells the client other things"
)

var kindsOfDifference = []string{passesOn, refuses, otherStatus, otherAnswer, keepsOpen, endsIt, otherRequest, otherFields}

// differs returns what is another way, with the status if that tells more.
func (at outcome) differs(c httpCase) map[string]string {
	d := map[string]string{}
	last, want := 0, c.statuses()[len(c.statuses())-1]
	if len(at.statuses) > 0 {
		last = at.statuses[len(at.statuses)-1]
	}
	taken := c.wantRequests() > 0
	switch status := fmt.Sprint(last); {
	case !taken && len(at.seen) > 0:
		d[passesOn] = status
	case taken && len(at.seen) == 0:
		d[refuses] = status
	case !slices.Equal(at.statuses, c.statuses()) && !taken && last != want:
		d[otherStatus] = status
	case !slices.Equal(at.statuses, c.statuses()) || at.cut != c.cut:
		d[otherAnswer] = status
	case taken && (len(at.seen) != c.wantRequests() || !c.isAsWanted(at.seen)):
		d[otherRequest] = ""
	case !hasAll(at.raw, c.client) || hasAny(at.raw, c.never):
		d[otherFields] = ""
	case c.conn == ended && at.kept:
		d[keepsOpen] = ""
	case c.conn == open && !at.kept:
		d[endsIt] = ""
	}
	return d
}

// isAsWanted reports whether the app was sent what it shall be, in letters of any case, and nothing that it shall not be.
func (c httpCase) isAsWanted(seen []arrival) bool {
	var all strings.Builder
	for _, a := range seen {
		all.WriteString(a.raw)
	}
	return hasAll(all.String(), c.reached) && !hasAny(all.String(), c.kept)
}

func hasAll(s string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !hasAny(s, []string{part}) })
}

func hasAny(s string, parts []string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, strings.ToLower(part)) })
}
