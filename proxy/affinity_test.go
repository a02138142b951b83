package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"purser/conf"
	"purser/pool"
)

// forward has visitors never sent back to an older generation.
func forward(_ *conf.Server, a *conf.App) { a.Affinity = "forward" }

// telling is an app that tells which generation it is of.
func telling(_ testing.TB, c *appConn) {
	for {
		head, _ := c.request()
		if head == "" {
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", c.generation)
	}
}

// pinned sends a request with further header lines and returns the answer.
func (c *visitor) pinned(lines ...string) (*http.Response, string) {
	c.t.Helper()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", strings.Join(append(lines, ""), "\r\n"))
	return c.answer("GET")
}

func cookieOf(res *http.Response) string {
	for _, c := range res.Cookies() {
		if c.Name == pinCookie {
			return c.Value
		}
	}
	return ""
}

func TestVisitorIsToldTheGenerationOnlyWhereThatMatters(t *testing.T) {
	plain := newFront(t, telling, nil)
	res, _ := plain.dial().pinned()
	if res.Header.Get("Purser-Generation") != "" || len(res.Cookies()) > 0 {
		t.Errorf("without affinity: %v", res.Header)
	}
	f := newFront(t, telling, func(s *conf.Server, a *conf.App) {
		forward(s, a)
		a.Path = "/blog"
	})
	c := f.dial()
	c.send("GET /blog HTTP/1.1\r\nHost: a\r\n\r\n")
	res, _ = c.answer("GET")
	pin := cookieOf(res)
	want := "purser_generation=" + pin + "; Path=/blog; HttpOnly; SameSite=Lax"
	if res.Header.Get("Set-Cookie") != want || !strings.HasPrefix(pin, "1.") || len(pin) != len("1.")+22 {
		t.Errorf("got %q, want %q", res.Header.Get("Set-Cookie"), want)
	}
	if got := res.Header.Get("Purser-Generation"); got != pin {
		t.Errorf("as a field: %q, want %q", got, pin)
	}
	c.send("GET /blog HTTP/1.1\r\nHost: a\r\nCookie: a=b; %s=%s; c=d\r\n\r\n", pinCookie, pin)
	if res, _ = c.answer("GET"); cookieOf(res) != "" || res.Header.Get("Purser-Generation") != pin {
		t.Errorf("a client that knows is told: %v", res.Header)
	}
}

func TestPinIsSecureBehindATrustedProxyThatSaysHTTPS(t *testing.T) {
	f := newFront(t, telling, func(s *conf.Server, a *conf.App) {
		forward(s, a)
		s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for proto, want := range map[string]bool{"https": true, "HTTPS": true, "http": false} {
		res, _ := f.dial().pinned("X-Forwarded-Proto: " + proto)
		if got := strings.HasSuffix(res.Header.Get("Set-Cookie"), "; Secure"); got != want {
			t.Errorf("%s: secure %v, want %v", proto, got, want)
		}
	}
	stranger := newFront(t, telling, forward)
	if res, _ := stranger.dial().pinned("X-Forwarded-Proto: https"); strings.Contains(res.Header.Get("Set-Cookie"), "Secure") {
		t.Error("a stranger is believed")
	}
}

func TestVisitorIsNeverSentBackToAnOlderGeneration(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	f := &front{t: t, log: &syncBuffer{}}
	blocked := make(chan struct{})
	f.spawn = func(o pool.Order) error {
		if o.Process == 4 { // of the two processes of generation 2 the second does not come
			<-blocked
			return errors.New("too late")
		}
		return nil
	}
	defer close(blocked)
	f.start(func(t testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			if strings.HasPrefix(head, "GET /slow") {
				begun <- struct{}{}
				<-end
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", c.generation)
		}
	}, func(s *conf.Server, a *conf.App) {
		forward(s, a)
		a.MinProcesses, a.MaxProcesses = 2, 2
	})
	f.await("two processes", func() bool {
		all := f.group.Snapshot().Processes
		return len(all) == 2 && all[0].State == "ready" && all[1].State == "ready"
	})
	f.restart("/new")
	knowing := f.dial()
	f.await("one process of each generation", func() bool {
		_, body := knowing.pinned()
		return body == "2"
	})
	res, _ := knowing.pinned()
	pin := cookieOf(res)
	var slow []*visitor // keep the new process busier than the old one
	for range 2 {
		c := f.dial()
		c.send("GET /slow HTTP/1.1\r\nHost: a\r\nPurser-Generation: %s\r\n\r\n", pin)
		<-begun
		slow = append(slow, c)
	}
	stranger := f.dial()
	for i := range 10 {
		if _, body := stranger.pinned(); body != "1" {
			t.Fatalf("the stranger is served by generation %s, so this shows nothing", body)
		}
		for _, line := range []string{
			"Cookie: " + pinCookie + "=" + pin,
			"Cookie: a=b; " + pinCookie + "=1.AAAAAAAAAAAAAAAAAAAAAA; " + pinCookie + "=" + pin,
			"Cookie: a=b\r\nCookie: " + pinCookie + "=" + pin,
			"purser-generation: " + pin,
		} {
			if _, body := knowing.pinned(line); body != "2" {
				t.Errorf("visit %d with %q went back to generation %s", i, line, body)
			}
		}
	}
	close(end)
	for _, c := range slow {
		c.expect(200, "2")
	}
}

func TestPinOfAnotherRunOrAppOrHandIsNone(t *testing.T) {
	mine, sameApp, otherApp := newPins("app", "/", nil), newPins("app", "/", nil), newPins("blog", "/", nil)
	otherApp.key = mine.key
	if got := mine.read(mine.of(7).text); got != 7 {
		t.Errorf("its own pin is read as %d, want 7", got)
	}
	if got := mine.read(mine.sign(6)); got != 6 {
		t.Errorf("its own pin, not made last, is read as %d, want 6", got)
	}
	good := string(mine.of(7).text)
	for _, text := range []string{
		"", ".", "7", "7.", good + "x", good[:len(good)-1], "8" + good[1:], "07" + good[1:], "+7" + good[1:], "-7" + good[1:],
		"99999999999999999999" + good[1:], strings.ToLower(good), "0" + good[1:],
		string(sameApp.of(7).text), string(otherApp.of(7).text), string(mine.sign(0)), string(mine.sign(-1)),
	} {
		if got := mine.read([]byte(text)); got != 0 {
			t.Errorf("%q is read as %d, want none", text, got)
		}
	}
}

func TestNewestOfSeveralPinsCountsAndOnlySomeAreLookedAt(t *testing.T) {
	f := newFront(t, telling, forward)
	pins := f.server.current.Load().routes.only.pins
	for _, c := range []struct {
		cookie string
		known  bool // that it is generation 1
	}{
		{fmt.Sprintf("%[1]s=%[2]s; %[1]s=junk", pinCookie, pins.sign(1)), true},
		{fmt.Sprintf("%[1]s=junk;%[1]s=%[2]s", pinCookie, pins.sign(1)), true},
		{fmt.Sprintf("x%s=%s", pinCookie, pins.sign(1)), false},
		{fmt.Sprintf("%sx=%s", pinCookie, pins.sign(1)), false},
		{fmt.Sprintf("%s=%s", strings.ToUpper(pinCookie), pins.sign(1)), false},
		{strings.Repeat(pinCookie+"=junk; ", maxPins) + fmt.Sprintf("%s=%s", pinCookie, pins.sign(1)), false},
	} {
		res, _ := f.dial().pinned("Cookie: " + c.cookie)
		if known := cookieOf(res) == ""; known != c.known {
			t.Errorf("%s: known %v, want %v", c.cookie, known, c.known)
		}
	}
}

func TestFreshCodeIsAskedForInDevelopmentOnly(t *testing.T) {
	for _, environment := range []string{"development", "production"} {
		t.Run(environment, func(t *testing.T) {
			asked := 0
			f := &front{t: t, log: &syncBuffer{}}
			f.fresh = func(app string) (int, error) {
				switch asked++; asked {
				case 1:
					return 0, nil
				case 2: // the code has changed
					f.restart("/new")
					return 2, nil
				}
				return 0, errors.New("the folder is gone")
			}
			f.start(telling, func(_ *conf.Server, a *conf.App) { a.Environment = environment })
			c := f.dial()
			if environment == "production" {
				for range 3 {
					c.send(get).expect(200, "1")
				}
				return
			}
			c.send(get).expect(200, "1")
			c.send(get).expect(200, "2")
			c.send(get)
			res, body := c.answer("GET")
			if res.StatusCode != 503 || res.Header.Get("Purser-Error") != "start_failed" || !strings.Contains(body, "the folder is gone") {
				t.Errorf("got %d %q, want 503 start_failed and why", res.StatusCode, body)
			}
		})
	}
}

func TestAffinityAllocatesNothingForVisitorsThatKnow(t *testing.T) {
	if raceEnabled {
		return
	}
	f := newFront(t, tinyApp, forward)
	c := dialBench(t, f.addr)
	request := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s=%s\r\n\r\n", pinCookie, f.server.current.Load().routes.only.pins.of(1).text)
	buf := make([]byte, 4096)
	if n := testing.AllocsPerRun(5000, func() { roundTrip(t, c, request, buf) }); n > 0.01 {
		t.Errorf("%v allocations per request, want none", n)
	}
}
