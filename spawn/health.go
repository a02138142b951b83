package spawn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
)

const (
	maxAnswer = 1 << 20 // bytes that are read of an answer; the app is spared a broken connection

	// exitNotice is how long a process that broke a connection may take to be seen as exited.
	exitNotice = 500 * time.Millisecond
)

// A gate asks a child that is proven to be ours for what it has to answer before its first visitor.
type gate struct {
	*Child
	health  conf.Health
	host    string
	overTLS bool // it asks as a visitor over TLS, since the app sends others there
	client  http.Client
}

// passGate returns nil once the health checks have passed and the warm-up requests are answered. A
// check that fails does not end the start, since an app may answer 503 until its caches are filled:
// the start timeout does. A warm-up request that fails ends it at once, as it is sent only once.
func (c *Child) passGate(ctx context.Context, app conf.App) error {
	g := gate{Child: c, health: app.Health, host: healthHost(app), client: http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: c.dial, DisableKeepAlives: true},
	}}
	switch {
	case app.Health.Path != "":
		if err := g.awaitHealth(ctx); err != nil {
			return err
		}
	case app.Found.LoadsLate:
		if _, err := g.answerTo(ctx, cmp.Or(app.Path, "/"), "the first request "); err != nil {
			return err
		}
	}
	for _, path := range app.Health.Warmup {
		if err := g.warmUp(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// awaitHealth asks for the health path, the first time at once and then after each interval, until
// enough checks in a row have passed.
func (g *gate) awaitHealth(ctx context.Context) error {
	var missing error
	for passed := 0; ; {
		failure := g.check(ctx)
		switch {
		case failure == nil:
			if passed++; passed >= g.health.Passes {
				return nil
			}
			missing = fmt.Errorf("health check %s passed only %d of %d times in a row", g.health.Path, passed, g.health.Passes)
		case ctx.Err() == nil || missing == nil: // a check that was cut short says less than the one before
			passed, missing = 0, failure
		}
		if err := g.pause(ctx, g.health.Interval, missing); err != nil {
			return err
		}
	}
}

// check is one health check. Its error says what came instead of an expected status.
func (g *gate) check(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, g.health.Timeout)
	defer cancel()
	status, err := g.get(within, g.health.Path)
	name := "health check " + g.health.Path
	switch {
	case ctx.Err() != nil:
		return silence(name + " had no answer")
	case within.Err() != nil:
		return silence(fmt.Sprintf("%s had no answer within %s", name, conf.Duration(g.health.Timeout)))
	case err != nil:
		return fmt.Errorf("%s had no answer: %s", name, inWords(err))
	case !g.health.Expect.Accepts(status):
		return fmt.Errorf("%s answered %d, not %s", name, status, strings.Join(g.health.Expect, " or "))
	}
	return nil
}

// warmUp requests a path once. Any answer will do that is not the app's own failure, for what
// matters is that the code behind it has run: a page that asks to log in is as good.
func (g *gate) warmUp(ctx context.Context, path string) error {
	const name = "warm-up request "
	status, err := g.answerTo(ctx, path, name)
	if err == nil && status >= 500 {
		return fmt.Errorf("%s%s answered %d", name, path, status)
	}
	return err
}

// answerTo requests a path once. Any answer proves that the code behind it is loaded.
func (g *gate) answerTo(ctx context.Context, path, name string) (status int, err error) {
	status, err = g.get(ctx, path)
	switch {
	case ctx.Err() != nil:
		return 0, tooLate(ctx, silence(name+path+" had no answer"))
	case err != nil:
		failure := fmt.Errorf("%s%s had no answer: %s", name, path, inWords(err))
		if err := g.pause(ctx, exitNotice, failure); err != nil {
			return 0, err // that it exited says more
		}
		return 0, failure
	}
	return status, nil
}

// get asks for a path. An app that sends everybody to https before it looks at the path (force_ssl of Rails,
// SECURE_SSL_REDIRECT of Django) is asked again, as the front asks for a visitor over TLS.
func (g *gate) get(ctx context.Context, path string) (status int, err error) {
	status, location, err := g.ask(ctx, path)
	expected := path == g.health.Path && g.health.Expect.Accepts(status)
	if err == nil && !g.overTLS && !expected && status/100 == 3 && strings.HasPrefix(location, "https://") {
		g.overTLS = true
		status, _, err = g.ask(ctx, path)
	}
	return status, err
}

// ask sends one request and reads the whole answer.
func (g *gate) ask(ctx context.Context, path string) (status int, location string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://app"+path, nil)
	if err != nil {
		return 0, "", errors.New("it is no valid path")
	}
	request.Host = g.host
	request.Header.Set("User-Agent", "purser")
	if g.overTLS {
		request.Header.Set("X-Forwarded-Proto", "https")
	}
	response, err := g.client.Do(request)
	if err != nil {
		return 0, "", errors.Unwrap(err) // without the URL, which is none
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, maxAnswer); err != nil && err != io.EOF {
		return 0, "", err
	}
	return response.StatusCode, response.Header.Get("Location"), nil
}

func (c *Child) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, c.network, c.address)
	if err != nil || c.network != "unix" || c.endpoint.owner == anybody {
		return connection, err
	}
	peer, err := peerOf(connection)
	if err == nil && int(peer.Uid) != c.endpoint.owner {
		err = errors.New("the socket is that of another user by now")
	}
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
}

func healthHost(app conf.App) string {
	if app.Health.Host != "" {
		return app.Health.Host
	}
	for _, host := range app.Hosts {
		if !strings.HasPrefix(host, "*") {
			return host
		}
	}
	return "localhost"
}

// inWords says without words of Go why a request had no answer.
func inWords(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection inside the answer"
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return "it closed the connection"
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return "it accepts no connection"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what it answered is not HTTP"
	}
	return err.Error()
}
