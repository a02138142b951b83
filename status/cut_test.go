package status

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"purser/pool"
)

// A crashing purser ends the first connection that asks for a restart without an answer. Begins says whether the
// restart has begun by then.
type crashing struct {
	begins bool

	mu    sync.Mutex // guards what follows: a connection that is cut says nothing of who comes first
	asked int
	app   App
}

func (c *crashing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(c.app)
		return
	}
	c.asked++
	if c.asked == 1 {
		if c.begins {
			c.app.Restart = &pool.RestartSnapshot{ID: "r2", Generation: 3, Strategy: pool.Rolling}
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(Accepted{ID: "r7", Generation: 4})
}

func TestARestartWhoseAnswerIsCutIsFoundOrAskedForAgain(t *testing.T) {
	for name, test := range map[string]struct {
		begins bool
		o      RestartOptions
		want   Accepted
		asked  int
	}{
		"it has begun":                {true, RestartOptions{}, Accepted{"r2", 3}, 1},
		"it has not":                  {false, RestartOptions{}, Accepted{"r7", 4}, 2},
		"another one has begun":       {true, RestartOptions{Strategy: pool.Blocking}, Accepted{"r7", 4}, 2},
		"it has begun, as was wanted": {true, RestartOptions{Strategy: pool.Rolling}, Accepted{"r2", 3}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			purser := &crashing{begins: test.begins}
			purser.app.Restart = &pool.RestartSnapshot{ID: "r1", Generation: 2, Strategy: pool.Rolling}
			server := httptest.NewServer(purser)
			defer server.Close()
			c := NewClient(strings.TrimPrefix(server.URL, "http://"), "")
			defer c.Close()
			got, err := c.Restart(t.Context(), "app", test.o)
			purser.mu.Lock()
			defer purser.mu.Unlock()
			if err != nil || got != test.want || purser.asked != test.asked {
				t.Errorf("asked %d times, it is %v (%v), want %v after %d", purser.asked, got, err, test.want, test.asked)
			}
		})
	}
}
