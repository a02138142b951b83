package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/restart/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a Server on a unix socket with a real pool of one app, "blog". Its children are no
// processes: they are ready at once and live until they are told to stop.
type rig struct {
	*Server
	client   *Client     // on the socket
	broken   atomic.Bool // children fail to start from now on
	slow     atomic.Bool // children wait for free before they are ready
	free     chan struct{}
	stopped  atomic.Int32 // how often a stop was asked for
	calls    atomic.Int32 // that came in and are not answered yet
	accepted atomic.Int32 // connections
	asks     sync.Map     // those whose call is not answered

	operated operated
	upgraded upgraded
	releases atomic.Int32 // each restart is of another

	mu     sync.Mutex // guards what follows
	needed []restart.Need
}

func (r *rig) need(n restart.Need) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.needed = append(r.needed, n)
}

// newRig starts a Server.
func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWith(t, false)
}

func newRigWith(t *testing.T, slow bool, changes ...func(*rig)) *rig {
	t.Helper()
	r := &rig{free: make(chan struct{})}
	r.slow.Store(slow)
	p := pool.New(0, 0, hclog.NewNullLogger())
	app := conf.App{
		Name: "blog", Root: "/srv/blog", Kind: "command", Environment: "production", Concurrency: 1,
		MinProcesses: 2, MaxProcesses: 4, StartTimeout: time.Minute, DrainTimeout: time.Minute,
		WebsocketDrainTimeout: time.Minute, StopTimeout: time.Minute, MaxQueue: 10,
		Restart: conf.Restart{Strategy: "rolling", Surge: conf.Amount{Count: 1}, ResistDeploymentErrors: true},
	}
	p.Add(app, pool.Release{Path: "/srv/blog"}, r.spawn)
	r.Server = NewServer(Config{
		Name: "test", Version: "1.2.3", PID: os.Getpid(), Started: time.Now(), Listen: func() []string { return []string{"[::]:3000"} }, MaxProcesses: func() int { return 0 }, Operated: &r.operated, Upgrading: &r.upgraded, Pool: p, Log: hclog.NewNullLogger(),
		Spool:    func() (held, limit int64) { return 3 << 20, 1 << 30 },
		InMemory: func() (held, limit int64) { return 2 << 20, 1 << 29 },
		Faults:   func() int64 { return 2 }, Unannounced: func() int64 { return 4 }, RequestsLost: func() int64 { return 5 }, CrashLinesLost: func() int64 { return 6 }, LinesLost: func() map[string]int64 { return map[string]int64{"stderr": 3} },
		Token: "open sesame", Stop: func(string) { r.stopped.Add(1) },
		Restarts: restartsOf{r}, History: history.Open("", hclog.NewNullLogger()),
	})
	r.http.ConnState = r.count
	for _, change := range changes {
		change(r)
	}
	ln, err := Listen(socketFolder(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	r.client = NewClient(ln.Addr().String(), "")
	r.serve(t, ln)
	return r
}

// restartsOf begins the restarts of a rig.
type restartsOf struct{ r *rig }

func (r restartsOf) Restart(g *pool.Group, o pool.RestartRequest) (pool.RestartSnapshot, error) {
	if o.Reason == "nowhere" {
		return pool.RestartSnapshot{}, errors.New("there is no folder /srv/blog")
	}
	if o.Reason == "hooked" {
		<-time.After(3 * hastyTimeout) // as a hook would take
	}
	o.Release = pool.Release{Path: fmt.Sprintf("/srv/blog/%d", r.r.releases.Add(1))}
	return g.Restart(o), nil
}

func (restartsOf) Rollback(g *pool.Group, by, reason string) (pool.RestartSnapshot, error) {
	return g.Rollback(by, reason)
}

func (restartsOf) Promote(g *pool.Group) (pool.RestartSnapshot, error) { return g.Promote() }

func (r restartsOf) Mark(app, reason string) error {
	if reason == "unwritable" {
		return errors.New("cannot mark the app, as there is no folder tmp")
	}
	r.r.need(restart.Need{Kind: restart.Marked, Reason: app + ": " + reason, Since: time.Now()})
	return nil
}

func (r restartsOf) Needs(string) []restart.Need {
	r.r.mu.Lock()
	defer r.r.mu.Unlock()
	return append([]restart.Need{}, r.r.needed...)
}

// hastyTimeout is the WriteTimeout of a hasty server.
const hastyTimeout = 100 * time.Millisecond

func hasty(r *rig) { r.http.WriteTimeout = hastyTimeout }

// serve ends with the test, and with it the pool.
func (r *rig) serve(t *testing.T, ln net.Listener) {
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := r.Serve(ln); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	t.Cleanup(func() {
		r.client.Close()
		if err := r.Shutdown(context.Background()); err != nil {
			t.Errorf("cannot shut the server down: %v", err)
		}
		serving.Wait()
		if err := r.Pool.Close(context.Background()); err != nil {
			t.Errorf("cannot close the pool: %v", err)
		}
	})
}

func (r *rig) count(c net.Conn, s http.ConnState) {
	r.leaving.track(c, s)
	switch s {
	case http.StateNew:
		r.accepted.Add(1)
	case http.StateActive:
		r.asks.Store(c, nil)
		r.calls.Add(1)
	case http.StateIdle, http.StateClosed:
		if _, asked := r.asks.LoadAndDelete(c); asked {
			r.calls.Add(-1)
		}
	}
}

func (r *rig) spawn(ctx context.Context, _ pool.Order) (pool.Child, error) {
	if r.broken.Load() {
		return nil, throws{errors.New("exited with status 1 before it was ready")}
	}
	if r.slow.Load() {
		select {
		case <-r.free:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return &quietChild{gone: make(chan struct{})}, nil
}

// throws is a failed start with what the child said.
type throws struct{ error }

func (throws) LastLines() []string { return []string{"app.js:3", "Error: no database"} }

// A quietChild does nothing until it is stopped. Its pid is the test's, so that it uses something.
type quietChild struct {
	gone chan struct{}
	once sync.Once
}

func (c *quietChild) PID() int        { return os.Getpid() }
func (c *quietChild) Stop()           { c.once.Do(func() { close(c.gone) }) }
func (c *quietChild) Backtrace() bool { return false }
func (c *quietChild) Kill()           { c.Stop() }
func (c *quietChild) Wait() error     { <-c.gone; return nil }

// socketFolder is a short 0700 folder: a socket's path has 107 bytes at most.
func socketFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// eventually looks until ok, and ends the test if that takes more than ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
		<-tick.C
	}
}

// awaitReady waits until an app serves with all of its two processes.
func (r *rig) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, "blog is ready", func() bool {
		status, _, _ := r.call(t, "GET", "/readyz", "")
		return status == 200 && len(r.Pool.Group("blog").Snapshot().Processes) == 2
	})
}

// beginEndless begins a restart whose children do not become ready before the test ends.
func (r *rig) beginEndless(t *testing.T) string {
	t.Helper()
	r.awaitReady(t)
	r.slow.Store(true)
	a, err := r.client.Restart(t.Context(), "blog", RestartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func (r *rig) call(t *testing.T, method, path, body string) (int, http.Header, string) {
	t.Helper()
	status, header, answer := r.tryCall(method, path, body)
	if status == 0 {
		t.Fatalf("%s %s: %s", method, path, answer)
	}
	return status, header, answer
}

// tryCall answers 0 and the error if the call failed.
func (r *rig) tryCall(method, path, body string) (int, http.Header, string) {
	request, err := http.NewRequest(method, "http://purser"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err.Error()
	}
	response, err := r.client.http.Do(request)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(answer)
}
