package front

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// A gunicorn worker with threads keeps connections and ends after so many requests, whoever is just
// sending on one.
func TestNoPostIsLostWhenGunicornReplacesItsWorkers(t *testing.T) {
	app := harness.NewApp(t, "python")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1),
		`command = "gunicorn --worker-class gthread --threads 4 --max-requests 50 --keep-alive 5 -b unix:{socket} passenger_wsgi:application"`)})
	total := tally{}
	var clients sync.WaitGroup
	for range 5 {
		clients.Go(func() { total.add(postAgainAndAgain(t, p.Addr, 400)) })
	}
	clients.Wait()
	total.mustBeAll(t, 2000)
}

// A tally is how many requests got which answer.
type tally struct {
	mu  sync.Mutex
	got map[string]int
}

func (c *tally) add(got map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.got == nil {
		c.got = map[string]int{}
	}
	for what, n := range got {
		c.got[what] += n
	}
}

func (c *tally) mustBeAll(t *testing.T, n int) {
	t.Helper()
	if len(c.got) != 1 || c.got["200"] != n {
		t.Errorf("the %d POSTs got %v", n, c.got)
	}
}

// postAgainAndAgain sends n POSTs on one connection that is kept.
func postAgainAndAgain(t *testing.T, addr string, n int) map[string]int {
	got := map[string]int{}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		got[err.Error()]++
		return got
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * harness.Patience))
	in := bufio.NewReader(conn)
	for i := range n {
		fmt.Fprintf(conn, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", i)
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			got[err.Error()]++
			return got
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		got[strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Purser-Error")))]++
	}
	return got
}
