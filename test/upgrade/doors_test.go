package upgrade

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// By https, by HTTP/2, through a unix socket and where metrics are read: nobody is refused, and nothing is lost.
func TestEveryDoorIsHandedOver(t *testing.T) {
	t.Parallel()
	a, app, metrics := harness.NewAuthority(t), harness.NewApp(t, "node"), harness.FreeAddr()
	a.Issue("server", 365*24*time.Hour, "a.example")
	socket := filepath.Join(harness.Scratch(), "door.sock")
	p := harness.Serve(t, harness.Options{Config: fmt.Sprintf("[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\", \"unix:%s\"]\nmetrics = %q\n", socket, metrics) +
		fmt.Sprintf("[server.tls]\ncert = %q\nkey = %q\n", a.Dir+"/server.pem", a.Dir+"/server.key") +
		harness.AppTable("app", app.Dir, harness.Processes(2), "[apps.app.tls]", "redirect = false")})
	harness.AwaitReady(t, p, 2)
	ctx, end := context.WithTimeout(t.Context(), 3*harness.Patience)
	defer end()
	var visitors sync.WaitGroup
	visit := func(what, url string, fresh bool, transport *http.Transport) {
		transport.DisableKeepAlives = fresh
		t.Cleanup(transport.CloseIdleConnections)
		visitors.Go(func() { askUntil(ctx, t, what, url, &http.Client{Transport: transport, Timeout: harness.Patience}) })
	}
	secure := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", p.Secure)
	}
	unix := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	visit("https", "https://a.example/", true, &http.Transport{DialContext: secure, TLSClientConfig: a.Trusting("a.example")})
	for range 4 {
		visit("HTTP/2", "https://a.example/", false, &http.Transport{DialContext: secure, TLSClientConfig: a.Trusting("a.example"), ForceAttemptHTTP2: true})
	}
	visit("the unix socket", "http://a/", true, &http.Transport{DialContext: unix})
	visit("the metrics", "http://"+metrics+"/metrics", true, &http.Transport{})
	for range 20 {
		upgrade(t, p)
	}
	end()
	visitors.Wait()
	p.AwaitNoOldFronts(t)
}

// askUntil asks again and again until ctx ends.
func askUntil(ctx context.Context, t *testing.T, what, url string, client *http.Client) {
	n := 0
	for ; ctx.Err() == nil; n++ {
		response, err := client.Get(url) // one that was begun ends
		if err != nil {
			t.Errorf("%s: request %d: %v", what, n, err)
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: request %d is answered with %s (%v)", what, n, response.Status, err)
			return
		}
		time.Sleep(time.Millisecond) // others are to have their turn
	}
	t.Logf("%s: %d requests", what, n)
}
