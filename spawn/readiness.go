package spawn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"purser/conf"
)

const (
	firstPause  = 2 * time.Millisecond // between two connection attempts; grows to
	longPause   = 40 * time.Millisecond
	healthPause = time.Second // between two health checks
)

// awaitReady returns nil once the child is proven ready, and else why it is not: it exited, someone
// else answers its port, or ctx or the start timeout ended.
func (s *Spawner) awaitReady(ctx context.Context, c *Child) error {
	if limit := s.app.StartTimeout; limit > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("not ready within start_timeout (%s)", limit)
		ctx, cancel = context.WithTimeoutCause(ctx, limit, late)
		defer cancel()
	}
	if err := c.awaitConnection(ctx); err != nil {
		return err
	}
	if s.app.Health.Path != "" {
		if err := c.awaitHealth(ctx, s.app); err != nil {
			return err
		}
	}
	return c.stillRuns()
}

// stillRuns tells a ready child from a daemon that it left behind: who forks and exits cannot be
// signalled or waited for.
func (c *Child) stillRuns() error {
	select {
	case <-c.exited:
		return c.earlyExit()
	default:
		return nil
	}
}

// awaitConnection connects again and again: no kernel event tells of a socket that begins to
// listen, and an attempt costs some microseconds.
func (c *Child) awaitConnection(ctx context.Context) error {
	for pause := firstPause; ; pause = min(pause*3/2, longPause) {
		network, address, err := c.endpoint.probe(ctx, c.pid)
		if err != nil {
			return err
		}
		if network != "" {
			c.network, c.address = network, address
			return nil
		}
		if err := c.pause(ctx, pause, "nothing listened on "+c.endpoint.String()); err != nil {
			return err
		}
	}
}

// pause waits for d, and returns an error if the child exits or ctx ends meanwhile. For the latter
// case, missing says what was waited for.
func (c *Child) pause(ctx context.Context, d time.Duration, missing string) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.exited:
		return c.earlyExit()
	case <-ctx.Done():
		return fmt.Errorf("%w: %s", context.Cause(ctx), missing)
	}
}

// earlyExit waits for the exit status, and for the last lines, that the error will show.
func (c *Child) earlyExit() error {
	<-c.gone
	if c.exit == nil {
		return errors.New("exited with status 0 before it was ready (it must stay in the foreground)")
	}
	return fmt.Errorf("%w before it was ready", c.exit)
}

// awaitHealth asks for the health path until the answer is 2xx.
func (c *Child) awaitHealth(ctx context.Context, app conf.App) error {
	client := &http.Client{
		Timeout:       app.Health.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: c.dial, DisableKeepAlives: true},
	}
	for {
		answer := checkHealth(ctx, client, app)
		if answer == "" {
			return nil
		}
		missing := fmt.Sprintf("health check %s %s", app.Health.Path, answer)
		if err := c.pause(ctx, healthPause, missing); err != nil {
			return err
		}
	}
}

func (c *Child) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, c.network, c.address)
}

// checkHealth returns "" for 2xx, else what came instead.
func checkHealth(ctx context.Context, client *http.Client, app conf.App) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://app"+app.Health.Path, nil)
	if err != nil {
		return "is no valid path"
	}
	request.Host = healthHost(app)
	request.Header.Set("User-Agent", "purser")
	response, err := client.Do(request)
	if err != nil {
		return "had no answer: " + errors.Unwrap(err).Error()
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, 64<<10) // lets the app finish its answer
	if response.StatusCode/100 != 2 {
		return fmt.Sprintf("answered %d", response.StatusCode)
	}
	return ""
}

func healthHost(app conf.App) string {
	for _, host := range app.Hosts {
		if !strings.HasPrefix(host, "*") {
			return host
		}
	}
	return "localhost"
}
