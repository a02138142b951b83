package proxy

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

// change has the front go on by the front's configuration with another app or server.
func (f *front) change(change func(*Config)) {
	c := f.config
	c.Apps = slices.Clone(c.Apps)
	change(&c)
	f.server.Change(c)
}

func (f *front) gets(path, host string) (status int, reason string) {
	c := f.dial()
	c.send("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host)
	a, _ := c.answer("GET")
	return a.StatusCode, a.Header.Get("Purser-Error")
}

func TestRoutesAreOthersFromOneRequestToTheNext(t *testing.T) {
	f := newFront(t, hello, nil)
	f.change(func(c *Config) { c.Apps[0].Hosts = []string{"a"} })
	for host, want := range map[string]int{"a": 200, "b": 404} {
		if got, _ := f.gets("/", host); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
	f.change(func(c *Config) { c.Apps = nil })
	if got, reason := f.gets("/", "a"); got != 404 || reason != "no_app" {
		t.Errorf("the app that is gone: %d %s", got, reason)
	}
}

func TestStoppedAppIsSaidToBeSo(t *testing.T) {
	f := newFront(t, hello, nil)
	f.change(func(c *Config) { c.Stopped = map[string]bool{"app": true} })
	if got, reason := f.gets("/", "a"); got != 503 || reason != "stopped" {
		t.Errorf("%d %s", got, reason)
	}
}

// A body may take its time, and the app may be another by then.
func TestRequestWhoseAppIsGoneMeanwhileIsAnsweredByTheOneThatHasItsPlace(t *testing.T) {
	f := newFront(t, hello, nil)
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
	f.await("the body is taken in", func() bool { return f.server.TakesIn("app") == 1 })
	app := f.group.App()
	other := f.pool.Add(withName(app, "other"), pool.Release{Path: app.Root}, f.spawner)
	f.change(func(c *Config) { c.Apps = []conf.App{other.App()} })
	if err := f.group.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.send("cd")
	if a, _ := c.answer("GET"); a.StatusCode != 200 {
		t.Errorf("it is answered %d", a.StatusCode)
	}
	if n := f.server.TakesIn("app"); n != 0 {
		t.Errorf("%d bodies are taken in", n)
	}
}

// What another app lets in tells nothing of whom this one does, and what is for the one is not told to the other.
func TestRequestThatComesToAnotherAppMeanwhileIsSubjectToItsRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"nothing": {func(*Config) {}, "200"},
		"access":  {func(c *Config) { c.Apps[0].Access = conf.Access{Deny: prefixes("127.0.0.0/8")} }, "403 forbidden"},
		"maintenance": {func(c *Config) {
			c.Maintenance = func(string) *Maintenance { m := &Maintenance{}; m.Set(true); return m }
		}, "503 maintenance"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, mirror, all(withHeaders(conf.Headers{RequestSet: []conf.HeaderLine{{Name: "X-Secret", Value: "of the first"}}}),
				withRedirects(conf.Redirect{From: "/x/*", To: "/$1", Rewrite: true})))
			v := f.dial()
			v.send("POST /x/y HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
			f.await("the body is taken in", func() bool { return f.server.TakesIn("app") == 1 })
			app := withName(f.group.App(), "other")
			app.Headers, app.Redirects = conf.Headers{}, nil
			other := f.pool.Add(app, pool.Release{Path: app.Root}, f.spawner)
			f.change(func(cfg *Config) {
				cfg.Apps = []conf.App{other.App()}
				c.change(cfg)
			})
			if err := f.group.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.send("cd")
			a, body := v.answer("POST")
			if got := strings.TrimSpace(a.Status[:3] + " " + a.Header.Get("Purser-Error")); got != c.want {
				t.Errorf("it is answered %s, want %s", got, c.want)
			}
			if strings.Contains(body, "of the first") || a.StatusCode == 200 && !strings.HasPrefix(body, "POST /x/y ") {
				t.Errorf("the app is told what is for another, or asked for what another would be: %s", body)
			}
		})
	}
}

func withName(app conf.App, name string) conf.App {
	app.Name = name
	return app
}

func TestWhomIsBelievedChangesForThoseWhoComeThen(t *testing.T) {
	f := newFront(t, hello, nil)
	local := netip.MustParseAddr("127.0.0.1")
	f.change(func(c *Config) { c.Server.TrustedProxies = []netip.Prefix{netip.PrefixFrom(local, 8)} })
	if !f.server.trusts(local) {
		t.Error("it is not believed")
	}
}

func TestListenerThatIsLeftIsClosedAndItsConnectionsGoOn(t *testing.T) {
	f := newFront(t, hello, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	serve := f.server.Serve
	if f.secure {
		serve = f.server.ServeTLS
	}
	go func() { served <- serve(l) }()
	one, waits := f.dialTo(l.Addr().String()), f.dialTo(l.Addr().String())
	one.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	one.answer("GET")
	f.server.Leave(l)
	if err := <-served; err != nil {
		t.Errorf("the listener ends with %v", err)
	}
	for _, c := range []*visitor{one, waits} {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if a, _ := c.answer("GET"); a.StatusCode != 200 {
			t.Errorf("a connection that was there gets %d", a.StatusCode)
		}
	}
	if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		c.Close()
		t.Error("it still accepts")
	}
}
