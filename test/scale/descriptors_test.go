package scale

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

func TestIncompleteHeadsDoNotKeepOthersOutWhenDescriptorsAreShort(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1)), Before: []string{"prlimit", "--nofile=256"}})
	var heads []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		harness.SendAll(t, c, "GET / HTTP/1.1\r\nHost: exam")
		heads = append(heads, c)
	}
	slowest := time.Duration(0)
	for i := range 121 {
		begin := time.Now()
		ask := "GET /? HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		if i%3 == 0 { // which needs a connection of its own to the app
			ask = "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000)
		}
		if answer := harness.Ask(t, p, ask); answer.StatusCode != 200 {
			t.Fatalf("request %d got %d %s", i, answer.StatusCode, answer.Header.Get("Purser-Error"))
		}
		slowest = max(slowest, time.Since(begin))
	}
	if slowest > 3*time.Second {
		t.Errorf("one of the others waited for %v", slowest)
	}
	if !wasEnded(heads[0]) || wasEnded(heads[len(heads)-1]) {
		t.Error("the oldest head is there, or the youngest is gone")
	}
	mustComplainOnce(t, p, "idle connections are closed to make room")
}

// mustComplainOnce expects that the log says something once, of however many connections.
func mustComplainOnce(t *testing.T, p *harness.Purser, what string) {
	t.Helper()
	if said := p.Log.Lines(what); len(said) != 1 || !strings.Contains(said[0], "raise LimitNOFILE") {
		t.Errorf("the log says %d times %q:\n%s", len(said), what, strings.Join(said, "\n"))
	}
}

// scarce serves the Node app over http and https with few descriptors.
func scarce(t *testing.T) (*harness.Purser, *http.Client) {
	t.Helper()
	a := harness.NewAuthority(t)
	a.Issue("server", 24*time.Hour, "shop.example", "127.0.0.1")
	app := harness.NewApp(t, "node")
	harness.WriteFile(t, app.Dir, "public/file.txt", "of a file")
	config := "[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\n" +
		fmt.Sprintf("[server.tls]\ncert = %q\nkey = %q\n", filepath.Join(a.Dir, "server.pem"), filepath.Join(a.Dir, "server.key")) +
		harness.AppTable("app", app.Dir, harness.Processes(1)) + "[apps.app.tls]\nredirect = false\n"
	p := harness.Serve(t, harness.Options{Config: config, Before: []string{"prlimit", "--nofile=256"}})
	transport := &http.Transport{TLSClientConfig: a.Trusting("shop.example"), ForceAttemptHTTP2: true, DisableKeepAlives: true}
	return p, &http.Client{Transport: transport, Timeout: harness.Patience}
}

// mustBeServed expects that a new visitor gets an answer of the app, and a file, in clear and over HTTP/2.
func mustBeServed(t *testing.T, p *harness.Purser, visitor *http.Client) {
	t.Helper()
	for _, url := range []string{"http://" + p.Addr + "/", "http://" + p.Addr + "/file.txt", "https://" + p.Secure + "/", "https://" + p.Secure + "/file.txt"} {
		res, err := visitor.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != 200 || res.TLS != nil && res.ProtoMajor != 2 {
			t.Fatalf("%s: got %s %s, %v", url, res.Proto, res.Status, err)
		}
	}
}

func TestIdleConnectionsMakeRoomForNewOnes(t *testing.T) {
	p, visitor := scarce(t)
	busy, secure := harness.SlowRequest(t, p, 4000), visitor.Transport.(*http.Transport).TLSClientConfig.Clone()
	secure.NextProtos = nil
	dial := [2]func() *harness.Conn{func() *harness.Conn { return harness.Dial(t, p) }, func() *harness.Conn { return harness.DialTLS(t, p, secure) }}
	for i := range 1000 {
		c := dial[i%2]()
		c.Send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		if a := c.Answer("GET"); a.StatusCode != 200 {
			t.Fatalf("visitor %d got %d", i, a.StatusCode)
		}
	}
	mustBeServed(t, p, visitor)
	mustNotSpin(t, p)
	harness.MustRestart(t, p, 0)
	harness.MustBeAnswered(t, busy)
	mustComplainOnce(t, p, "idle connections are closed to make room")
}

// Whoever connects and says nothing is no visitor yet: those who come meanwhile wait until it is late.
func TestVisitorsWaitForRoomThatSilentConnectionsWillMake(t *testing.T) {
	p, visitor := scarce(t)
	for i := range 600 {
		addr := p.Addr
		if i%2 == 0 {
			addr = p.Secure
		}
		silent, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
	}
	mustBeServed(t, p, visitor)
	mustNotSpin(t, p)
}

// Event streams may last for ever, and each takes two descriptors. They must keep out neither operators nor new
// code.
func TestWhenNothingIsIdleVisitorsAreTurnedAwayAndOperatorsServed(t *testing.T) {
	p, visitor := scarce(t)
	var streams []*harness.Conn
	served := 0
	for range 300 {
		c := harness.Dial(t, p)
		c.Send("GET /stream HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		streams = append(streams, c)
		res, err := http.ReadResponse(c.In, nil)
		switch {
		case err != nil:
			t.Fatal(err)
		case res.StatusCode == 200:
			served++
			c.MustPass("data: first")
		case res.StatusCode != 503 || res.Header.Get("Purser-Error") != "out_of_resources":
			t.Fatalf("got %s, %s", res.Status, res.Header.Get("Purser-Error"))
		}
	}
	if served < 80 || served > 120 {
		t.Errorf("%d of 300 have a stream, want what 240 descriptors are enough for", served)
	}
	harness.Eventually(t, harness.Patience, "one more is turned away", func() bool {
		// Whom only the connection to the app was missing for is idle now; a body that does not end takes its place.
		c := harness.Dial(t, p)
		c.Send("POST /count HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\nx")
		streams = append(streams, c)
		a := harness.Get(t, p, "/file.txt")
		return a.StatusCode == 503 && a.Header.Get("Retry-After") != ""
	})
	mustNotSpin(t, p)
	harness.MustRestart(t, p, 0)
	mustComplainOnce(t, p, "connections are turned away")
	for _, c := range streams {
		_ = c.Net.Close()
	}
	harness.Eventually(t, harness.Patience, "there is room again", func() bool { return harness.Get(t, p, "/").StatusCode == 200 })
	mustBeServed(t, p, visitor)
}

// mustNotSpin expects that purser uses next to no CPU now.
func mustNotSpin(t *testing.T, p *harness.Purser) {
	t.Helper()
	used := func() time.Duration {
		now, err := harness.ReadProc(p.Front())
		if err != nil {
			t.Fatal(err)
		}
		return now.CPU
	}
	before := used()
	time.Sleep(time.Second) // it is measured, not waited for
	if spent := used() - before; spent > 200*time.Millisecond {
		t.Errorf("purser used %v in a second in which nothing came", spent)
	}
}

// wasEnded reports whether purser has closed a connection, looking for a moment only.
func wasEnded(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err == io.EOF
}

// Whoever sends a body and stops is waited for, but not for as long as the limit for bodies allows where descriptors are
// short: newer visitors go first after some seconds.
func TestBodiesThatDoNotMoveMakeRoomWhenDescriptorsAreShort(t *testing.T) {
	const long = 10_000
	p, visitor := scarce(t)
	begun := func() *harness.Conn {
		c := harness.Dial(t, p)
		c.Send(fmt.Sprintf("POST /count HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\nx", long))
		return c
	}
	moving, oldest, sent := begun(), begun(), 1
	for range 300 {
		begun()
	}
	move := func() {
		moving.Send("x")
		sent++
	}
	harness.Eventually(t, harness.Patience, "the oldest makes room", func() bool {
		move()
		harness.Get(t, p, "/file.txt")
		_ = oldest.Net.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := oldest.In.Peek(1)
		return err == nil
	})
	for range 20 {
		move()
		mustBeServed(t, p, visitor)
	}
	_ = oldest.Net.SetReadDeadline(time.Now().Add(harness.Patience))
	if a := oldest.Answer("POST"); a.StatusCode != 408 {
		t.Errorf("the oldest body got %d, want 408", a.StatusCode)
	}
	moving.Send(strings.Repeat("x", long-sent))
	if a := moving.Answer("POST"); a.StatusCode != 200 {
		t.Errorf("the body that has moved all the time got %d", a.StatusCode)
	}
	mustComplainOnce(t, p, "idle connections are closed to make room")
}
