package front

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// h2c is a client that speaks HTTP/2 without TLS, on one connection.
func h2c(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: harness.Patience}
}

func TestRestartLosesNoRequestOfHTTP2(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable("h2c = true") + harness.AppTable("app", app.Dir, harness.Processes(2))})
	c := h2c(t)
	ctx, end := context.WithTimeout(t.Context(), 2*time.Minute)
	defer end()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				req, _ := http.NewRequest("GET", "http://"+p.Addr+"/", nil) // one that was begun ends
				res, err := c.Do(req)
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != 200 || res.Proto != "HTTP/2.0" {
					t.Errorf("request %d: got %s %s, %v", n, res.Proto, res.Status, err)
					return
				}
			}
		})
	}
	for range 2 {
		harness.MustRestart(t, p, 0)
	}
	end()
	all.Wait()
}
