package pool

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/conf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A shop is a pool whose children are made here. Each takes a second to boot, and half a second to
// stop.
type shop struct {
	pool *Pool
	log  *safeBuffer
	pids atomic.Int64

	mu       sync.Mutex
	children []*madeChild
	fails    map[string]error // by release
	stubborn bool             // ignores Stop
	notes    map[string]Note  // by app
}

// A madeChild is a child that exits when it is told.
type madeChild struct {
	order        Order
	pid          int
	stops, kills atomic.Int32
	stubborn     bool
	exit         chan error
	once         sync.Once
	dead         atomic.Bool
	yielded      chan struct{} // another front goes on with it
}

func (c *madeChild) PID() int { return c.pid }

func (c *madeChild) Stop() {
	c.stops.Add(1)
	if !c.stubborn {
		time.AfterFunc(500*time.Millisecond, func() { c.die(nil) })
	}
}

func (c *madeChild) Backtrace() bool { return false }

func (c *madeChild) Kill() {
	c.kills.Add(1)
	c.die(errors.New("killed by signal KILL"))
}

func (c *madeChild) die(err error) {
	c.once.Do(func() {
		c.dead.Store(true)
		c.exit <- err
	})
}

func (c *madeChild) Wait() error {
	select {
	case err := <-c.exit:
		return err
	case <-c.yielded:
		return errors.New("another front has it")
	}
}

func (c *madeChild) Yield() { close(c.yielded) }

// openShop is a shop in which as many boot at once on a machine of one core as on any other.
func openShop(maxProcesses int) *shop {
	s := &shop{log: &safeBuffer{}, fails: map[string]error{}}
	s.pool = New(maxProcesses, 8, hclog.New(&hclog.LoggerOptions{Output: s.log, Level: hclog.Info}))
	return s
}

func (s *shop) spawn(ctx context.Context, o Order) (Child, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fails[o.Release.Path]; err != nil {
		return nil, err
	}
	c := &madeChild{order: o, pid: int(s.pids.Add(1)), stubborn: s.stubborn, exit: make(chan error, 1), yielded: make(chan struct{})}
	s.children = append(s.children, c)
	return c, nil
}

func (s *shop) add(name string, change ...func(*conf.App)) *Group {
	app := conf.App{
		Name: name, MinProcesses: 1, MaxProcesses: 2, Concurrency: 1,
		DrainTimeout: time.Minute, WebsocketDrainTimeout: time.Minute, StopTimeout: 10 * time.Second,
		Restart: conf.Restart{Surge: conf.Amount{Count: 1}, ResistDeploymentErrors: true},
	}
	for _, f := range change {
		f(&app)
	}
	return s.pool.Add(app, Release{Path: "/r1"}, s.spawn)
}

func (s *shop) close(t *testing.T) {
	t.Helper()
	if err := s.pool.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.children {
		if c.stops.Load() > 1 || c.kills.Load() > 1 {
			t.Errorf("child %d was stopped %d times and killed %d times", c.pid, c.stops.Load(), c.kills.Load())
		}
	}
}

// safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// in plays a test in a bubble with its own time.
func in(t *testing.T, play func(t *testing.T, s *shop)) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		defer s.close(t)
		play(t, s)
	})
}

// acquired is an Acquire that must succeed.
func acquired(t *testing.T, g *Group) *Process {
	t.Helper()
	p, err := g.Acquire(t.Context(), Wish{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ready(g *Group) (n int) {
	for _, p := range g.Snapshot().Processes {
		if p.State == "ready" {
			n++
		}
	}
	return n
}
