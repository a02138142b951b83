package serve

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart/deploy"
	"purser/restart/disk"
	"purser/restart/disk/helper"
	"purser/spawn"
	"purser/spawn/keeper"
)

// asApp in the environment makes the test binary an app that answers on the socket that it is given.
const asApp = "PURSER_TEST_AS_APP"

// A site is what apps share, and no visitors.
func newSite(t *testing.T) *shared {
	t.Helper()
	folder, err := os.MkdirTemp("", "ps") // short, for the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	p, k := pool.New(0, 0, hclog.NewNullLogger()), &keeper.Keeper{}
	s := &shared{yielding: &atomic.Bool{}, pool: p, keeper: k, deployer: deploy.New(deploy.Config{Pool: p, Keeper: k, Log: hclog.NewNullLogger()}), folder: folder, log: hclog.NewNullLogger(),
		lines: func(conf.App) (spawn.Lines, error) { return func(spawn.Line) {}, nil }}
	t.Cleanup(func() {
		s.deployer.Close()
		k.Close()
		os.RemoveAll(folder)
	})
	return s
}

// newRealApp is an app of one process that serves.
func newRealApp(t *testing.T, s *shared, name string) *App {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.ForDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	app := cfg.Apps[0]
	app.Name, app.Command.Args = name, []string{binary, "{socket}"}
	app.MinProcesses, app.MaxProcesses = 1, 1
	app.Env[asApp] = "1"
	cfg.Server.DefaultUser = strconv.Itoa(os.Geteuid())
	found, err := Detect(cfg, []conf.App{app})
	if err != nil {
		t.Fatal(err)
	}
	return newApp(s, found[0])
}

func (a *App) mustStart(t *testing.T) {
	t.Helper()
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	process, err := a.group.Acquire(ctx, pool.Wish{})
	if err != nil {
		t.Fatalf("it does not serve: %v", err)
	}
	a.group.Release(process, pool.Unclear)
}

func (a *App) mustStop(t *testing.T) {
	t.Helper()
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnAppStopsAndStartsBesideOthers(t *testing.T) {
	s := newSite(t)
	blog, shop := newRealApp(t, s, "blog"), newRealApp(t, s, "shop")
	blog.mustStart(t)
	shop.mustStart(t)
	pid := shop.group.Snapshot().Processes[0].PID
	for range 2 {
		blog.mustStop(t)
		if s.pool.Group("blog") != nil || len(s.pool.Groups()) != 1 {
			t.Error("the pool still knows the app that was stopped")
		}
		if left, _ := filepath.Glob(s.folder + "/*"); len(left) != 1 {
			t.Errorf("on disk there is still %v", left)
		}
		blog.mustStart(t)
	}
	if now := shop.group.Snapshot().Processes; len(now) != 1 || now[0].PID != pid || now[0].State != "ready" {
		t.Errorf("the other app's processes are %+v", now)
	}
	blog.mustStop(t)
	blog.mustStop(t) // which is nothing
	shop.mustStop(t)
}

func TestAStoppedAppIsRestartedByNobody(t *testing.T) {
	s := newSite(t)
	blog := newRealApp(t, s, "blog")
	blog.mustStart(t)
	g := blog.group
	blog.mustStop(t)
	s.deployer.RestartAll("SIGUSR1")
	if _, err := s.deployer.Restart(g, pool.RestartRequest{}); err == nil {
		t.Error("it is restarted")
	}
	if needs := s.deployer.Needs("blog"); len(needs) != 0 {
		t.Errorf("it needs %v", needs)
	}
}

func TestHooksAndNumbersAreChangedInPlace(t *testing.T) {
	s := newSite(t)
	blog := newRealApp(t, s, "blog")
	blog.mustStart(t)
	to := blog.Conf()
	to.Hooks.BeforeRestart.Shell = "echo no; exit 1"
	if err := blog.Change(to); err != nil {
		t.Fatal(err)
	}
	if r, err := s.deployer.Restart(blog.group, pool.RestartRequest{}); err != nil || r.State != pool.RestartFailed {
		t.Errorf("its new hook is not asked: %+v, %v", r, err)
	}
	to.MinProcesses, to.MaxProcesses = 2, 9
	if err := blog.Change(to); err != nil {
		t.Fatal(err)
	}
	if now := blog.group.Snapshot(); now.MaxProcesses != 9 || len(now.Processes) != 2 {
		t.Errorf("there are %d of %d processes", len(now.Processes), now.MaxProcesses)
	}
	blog.mustStop(t)
}

func TestWhatProcessesAreStartedWithComesWithARestartAndStaysIfThatFails(t *testing.T) {
	s := newSite(t)
	blog := newRealApp(t, s, "blog")
	blog.mustStart(t)
	before := blog.group.Snapshot().Processes[0].PID
	change := func(to conf.App, want pool.RestartState) {
		t.Helper()
		if err := blog.Change(to); err != nil {
			t.Fatal(err)
		}
		r, begun, err := blog.Reconfigure([]string{"command"})
		if err != nil || !begun {
			t.Fatalf("no restart has begun: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if r, err = blog.group.WaitRestart(ctx, r.ID); err != nil || r.State != want || r.Reason != "configuration changed: command" {
			t.Errorf("the restart is %+v, %v", r, err)
		}
	}
	good, bad := blog.Conf(), blog.Conf()
	bad.Command.Args = []string{"/bin/false"}
	change(bad, pool.RestartFailed)
	if now := blog.group.Snapshot(); now.Condition != pool.Resisting || now.Processes[0].PID != before {
		t.Errorf("it is %s, with %+v", now.Condition, now.Processes)
	}
	change(good, pool.RestartDone)
	for range 20 {
		good.Env = map[string]string{asApp: "1", "N": time.Now().String()}
		change(good, pool.RestartDone)
	}
	if left, _ := filepath.Glob(s.folder + "/*"); len(left) > 8 { // those that an operator can go back to, and two more
		t.Errorf("on disk there is still %v", left)
	}
	blog.mustStop(t)
	if left, _ := filepath.Glob(s.folder + "/*"); len(left) > 0 {
		t.Errorf("on disk there is still %v", left)
	}
}

func TestAHaltedAppIsKnownAndStartsAgain(t *testing.T) {
	s := newSite(t)
	blog := newRealApp(t, s, "blog")
	blog.mustStart(t)
	for range 2 {
		if err := blog.Halt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if g := s.pool.Group("blog"); g == nil || g.Snapshot().Condition != pool.Stopped {
			t.Error("the pool does not say that it is stopped")
		}
		to := blog.Conf()
		to.MaxQueue = 7
		if err := blog.Change(to); err != nil {
			t.Error(err)
		}
		if _, begun, err := blog.Reconfigure([]string{"env"}); begun || err != nil {
			t.Errorf("a stopped app is restarted: %v, %v", begun, err)
		}
		blog.mustStart(t)
	}
	blog.mustStop(t)
	if err := blog.StartStopped(); err != nil || s.pool.Group("blog").Snapshot().Condition != pool.Stopped {
		t.Errorf("it does not begin as one that is stopped: %v", err)
	}
	blog.mustStop(t)
}

func TestAnAppWhoseRootIsGoneIsRefused(t *testing.T) {
	s := newSite(t)
	blog := newRealApp(t, s, "blog")
	if err := os.Remove(blog.conf.Root); err != nil {
		t.Fatal(err)
	}
	if err := blog.Start(); err == nil || !strings.Contains(err.Error(), `cannot serve app "blog"`) {
		t.Errorf("its start ends with %v", err)
	}
	blog.mustStop(t)
}

// Who holds up his helper, or has no process left for it, does not keep purser from starting, or from a reload.
func TestAnAppWhoseUsersHelperDoesNotWorkStarts(t *testing.T) {
	s := newSite(t)
	helpers := helper.New(func(helper.User, []string, *os.File) (helper.Process, error) {
		return nil, errors.New("no more processes")
	}, hclog.NewNullLogger())
	way := helpers.Disk("blog", helper.User{UID: 12345, GID: 12345}, helper.Grants{Roots: []string{"/"}})
	s.disk = func(conf.App) disk.Disk { return way }
	blog := newRealApp(t, s, "blog")
	blog.mustStart(t)
	blog.mustStop(t)
}

// serveAsApp answers on a socket until it is told to exit.
func serveAsApp(socket string) {
	listener, err := listenUnix(socket)
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, http.NotFoundHandler()))
}
