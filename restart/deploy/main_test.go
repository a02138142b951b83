package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/conf"
	"purser/pool"
	"purser/spawn"
	"purser/spawn/keeper"
)

func TestMain(m *testing.M) {
	if keeper.Wanted(os.Args[1:]) {
		os.Exit(keeper.Run())
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up the end of every keeper for a second
	goleak.VerifyTestMain(m)
}

// A site is a pool with apps whose processes are none: they are ready at once, and exit when they are told.
// Each app is a symlink to one of its releases.
type site struct {
	testing.TB
	*Deployer
	dir    string
	spawns atomic.Int64
	apps   map[string]*App

	noticing sync.Mutex
	noticed  map[string]bool // by app: its notice is there
}

func (s *site) notice(app string, there bool) {
	s.noticing.Lock()
	defer s.noticing.Unlock()
	if s.noticed == nil {
		s.noticed = map[string]bool{}
	}
	s.noticed[app] = there
}

func newSite(t testing.TB, changes ...func(*conf.App)) *site {
	t.Helper()
	p, k := pool.New(0, 0, hclog.NewNullLogger()), &keeper.Keeper{}
	t.Cleanup(k.Close)
	s := &site{TB: t, dir: t.TempDir(), apps: map[string]*App{}}
	s.Deployer = New(Config{Pool: p, Keeper: k, Log: hclog.NewNullLogger(), Noticed: s.notice})
	s.Deployer.memory.measure = func() measure { return measure{} }
	s.add("blog", changes...)
	t.Cleanup(s.close)
	return s
}

// add starts an app with a release called 1, and waits until its processes are ready.
func (s *site) add(name string, changes ...func(*conf.App)) {
	s.Helper()
	s.deploy(name, "1")
	app := conf.App{
		Name: name, Root: filepath.Join(s.dir, name, "current"), Kind: "command", Environment: "production",
		Concurrency: 1, MinProcesses: 2, MaxProcesses: 4, StartTimeout: time.Minute, DrainTimeout: time.Minute,
		WebsocketDrainTimeout: time.Minute, StopTimeout: time.Minute, MaxQueue: 10,
		Restart: conf.Restart{Strategy: pool.Rolling, Surge: conf.Amount{Count: 1}, ResistDeploymentErrors: true,
			File: "tmp/restart.txt", Settle: 200 * time.Millisecond, MaxOldGenerations: 1},
		Maintenance: conf.Maintenance{File: "tmp/maintenance.txt"},
		Hooks:       conf.Hooks{Timeout: time.Minute},
	}
	for _, change := range changes {
		change(&app)
	}
	a := s.Deployer.Add(app, func(spawn.Line) {})
	s.pool.Add(app, pool.Release{Path: filepath.Join(s.dir, name, "1")}, a.Noting(s.spawn))
	a.Watch()
	s.apps[name] = a
	s.eventually(name+" is up", func() bool { return len(s.processes(name)) == 2 })
}

// deploy makes a release of an app, and flips its symlink to it.
func (s *site) deploy(app, release string) {
	s.Helper()
	s.must(os.MkdirAll(filepath.Join(s.dir, app, release, "tmp"), 0o700))
	next := filepath.Join(s.dir, app, "next")
	s.must(os.Symlink(release, next))
	s.must(os.Rename(next, filepath.Join(s.dir, app, "current")))
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) close() {
	s.Stop()
	for name, a := range s.apps {
		g := s.pool.Group(name)
		a.Refuse()
		s.must(g.Close(context.Background()))
		a.Remove()
		s.pool.Remove(g)
	}
	s.Close()
}

func (s *site) group(app string) *pool.Group { return s.pool.Group(app) }

func (s *site) eventually(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not within 20 seconds: %s", what)
		}
	}
}

func (s *site) spawn(_ context.Context, o pool.Order) (pool.Child, error) {
	return &child{pid: int(1000 + s.spawns.Add(1)), exit: make(chan error, 2)}, nil
}

type child struct {
	pid  int
	exit chan error
}

func (c *child) PID() int        { return c.pid }
func (c *child) Stop()           { c.exit <- nil }
func (c *child) Backtrace() bool { return false }
func (c *child) Kill()           { c.exit <- errors.New("killed") }
func (c *child) Wait() error     { return <-c.exit }
