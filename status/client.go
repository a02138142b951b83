package status

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"purser/pool"
)

// ErrUnreachable is in the chain of an error if nobody answered at the address at all.
var ErrUnreachable = errors.New("no running purser answers")

// A Client calls the admin API of one purser.
type Client struct {
	address string // for people
	base    string
	token   string
	http    *http.Client
}

// NewClient returns a Client for an address: the path of a unix socket, with or without "unix:"
// before it, or "host:port". The token is sent over TCP only.
func NewClient(address, token string) *Client {
	c := &Client{address: address, base: "http://" + address, token: token}
	transport := &http.Transport{DisableKeepAlives: true} // purser may end an idle one at the moment of the next call
	if path := strings.TrimPrefix(address, "unix:"); filepath.IsAbs(path) {
		c.base, c.token = "http://purser", ""
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	c.http = &http.Client{Transport: transport}
	return c
}

// Close gives up the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status fetches everything that status shows.
func (c *Client) Status(ctx context.Context) (Document, error) {
	var d Document
	return d, c.call(ctx, http.MethodGet, "/v1/status", nil, &d)
}

// App fetches what status shows of one app.
func (c *Client) App(ctx context.Context, app string) (App, error) {
	var a App
	return a, c.call(ctx, http.MethodGet, pathOf(app, ""), nil, &a)
}

// Restart asks for a restart of an app and returns when it has begun: at once, unless the app has a
// before_restart, which may take its time. If the process that serves crashes before it has answered, the next one
// is asked whether it has begun, and for another if it has not.
func (c *Client) Restart(ctx context.Context, app string, o RestartOptions) (Accepted, error) {
	before, err := c.App(ctx, app)
	if err != nil {
		return Accepted{}, err
	}
	for {
		var a Accepted
		err := c.send(ctx, http.MethodPost, pathOf(app, "/restarts"), o, &a)
		if !WasCut(err) || ctx.Err() != nil {
			return a, err
		}
		var now App
		if c.patiently(ctx, pathOf(app, ""), &now) != nil {
			return a, err
		}
		if begun := o.begunSince(before.Restart, now.Restart); begun != nil {
			return Accepted{ID: begun.ID, Generation: begun.Generation}, nil
		}
	}
}

// begunSince returns the last restart if it is not the one that was the last before, and could be what these options
// ask for.
func (o RestartOptions) begunSince(before, last *pool.RestartSnapshot) *pool.RestartSnapshot {
	switch {
	case last == nil, before != nil && last.ID == before.ID, last.Strategy == pool.Rollback:
		return nil
	case o.Strategy != "" && o.Strategy != last.Strategy:
		return nil
	}
	return last
}

// Rollback takes an app's newest code back, and returns at once.
func (c *Client) Rollback(ctx context.Context, app, reason string) (Accepted, error) {
	var a Accepted
	return a, c.call(ctx, http.MethodPost, pathOf(app, "/rollback"), reasonBody{reason}, &a)
}

// Promote lets the restart of an app go on that waits at its canary, and returns at once.
func (c *Client) Promote(ctx context.Context, app string) (Accepted, error) {
	var a Accepted
	return a, c.call(ctx, http.MethodPost, pathOf(app, "/promote"), nil, &a)
}

// Mark notes that an app needs a restart.
func (c *Client) Mark(ctx context.Context, app, reason string) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/mark"), reasonBody{reason}, nil)
}

// Detach has one process drained and replaced, and returns at once.
func (c *Client) Detach(ctx context.Context, app string, pid int) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/processes/"+strconv.Itoa(pid)+"/detach"), nil, nil)
}

// Purge forgets what is kept of an app's answers, of a path or all, and returns how many pages that were.
func (c *Client) Purge(ctx context.Context, app, path string) (pages int, err error) {
	at := pathOf(app, "/cache")
	if path != "" {
		at += "?path=" + url.QueryEscape(path)
	}
	var p Purged
	err = c.call(ctx, http.MethodDelete, at, nil, &p)
	return p.Pages, err
}

// Reload has purser read its configuration again, and returns what came of it once the restarts for it have begun.
func (c *Client) Reload(ctx context.Context, o ReloadOptions) (Reload, error) {
	var r Reload
	return r, c.send(ctx, http.MethodPost, "/v1/reload", o, &r)
}

// Upgrade has the binary at a path serve, "" for the file that purser was started from, and returns once it does.
func (c *Client) Upgrade(ctx context.Context, o UpgradeOptions) (Upgrade, error) {
	var u Upgrade
	return u, c.send(ctx, http.MethodPost, "/v1/upgrade", o, &u)
}

// StopApp begins to stop one app, and returns at once.
func (c *Client) StopApp(ctx context.Context, app string) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/stop"), nil, nil)
}

// StartApp has an app start that was stopped, and returns once it has begun.
func (c *Client) StartApp(ctx context.Context, app string) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/start"), nil, nil)
}

// ScaleApp gives an app so many processes, and returns at once.
func (c *Client) ScaleApp(ctx context.Context, app string, processes int) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/scale"), Scaling{processes}, nil)
}

// MaintainApp has visitors be told that an app is in maintenance, or be served again.
func (c *Client) MaintainApp(ctx context.Context, app string, on bool) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/maintenance"), Maintaining{&on}, nil)
}

// PauseApp has the requests for an app wait until it is resumed.
func (c *Client) PauseApp(ctx context.Context, app string) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/pause"), nil, nil)
}

// ResumeApp ends a pause.
func (c *Client) ResumeApp(ctx context.Context, app string) error {
	return c.call(ctx, http.MethodPost, pathOf(app, "/resume"), nil, nil)
}

func pathOf(app, rest string) string { return "/v1/apps/" + url.PathEscape(app) + rest }

// WaitRestart follows a restart until it has ended or waits at its canary, or until ctx has ended,
// and returns how it stood last. It calls progress whenever the restart went on, the last time when
// that is over.
func (c *Client) WaitRestart(ctx context.Context, id string, progress func(pool.RestartSnapshot)) (pool.RestartSnapshot, error) {
	var last pool.RestartSnapshot
	path := "/v1/restarts/" + url.PathEscape(id)
	for first := true; ; first = false {
		var r pool.RestartSnapshot
		if err := c.patiently(ctx, path+"?wait=30s&after="+strconv.Itoa(len(last.Steps)), &r); err != nil {
			return last, err
		}
		if first || len(r.Steps) != len(last.Steps) || r.State != last.State {
			progress(r)
		}
		if last = r; r.State != pool.RestartRunning {
			return r, nil
		}
	}
}

// mostCuts is how often in a row purser may end a connection without an answer, and cutPause is between two of them.
const (
	mostCuts = 600
	cutPause = 50 * time.Millisecond
)

// patiently asks again if the connection ends without an answer: if the process that serves has crashed, another goes
// on, and who connects meanwhile waits for it.
func (c *Client) patiently(ctx context.Context, path string, result any) (err error) {
	for range mostCuts {
		err = c.call(ctx, http.MethodGet, path, nil, result)
		if !WasCut(err) || ctx.Err() != nil {
			break
		}
		select {
		case <-time.After(cutPause):
		case <-ctx.Done():
		}
	}
	return err
}

// WasCut reports whether purser has ended a connection without an answer: what was asked for may have begun.
func WasCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// Stop begins a graceful stop and returns at once.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/stop", nil, nil)
}

// Alive returns nil if purser answers.
func (c *Client) Alive(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil)
}
