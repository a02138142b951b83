package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"purser/conf"
	"purser/pool"
	"purser/proxy"
	"purser/restart"
	"purser/spawn"
	"purser/spawn/keeper"
	"purser/status"
)

// A serving is one purser from its start to its end.
type serving struct {
	cfg    *conf.Config // valid
	name   string
	log    hclog.Logger
	opened func([]net.Listener) // told of the listeners once requests are accepted; may be nil

	keeper    keeper.Keeper // parent of all children; closed last
	spawners  []*spawn.Spawner
	pool      *pool.Pool
	front     *proxy.Server
	admin     *status.Server
	restarts  *restarts
	chronicle *chronicle

	stop  context.CancelFunc // begins the graceful stop
	hurry context.CancelFunc // ends the patience of the stop
}

// reservedThreads are as many as purser was seen to need with hundreds of apps, under load.
const reservedThreads = 24

// run serves until it is told to stop, and returns once everything it started has ended.
func (s *serving) run() error {
	keeper.ReserveThreads(reservedThreads)
	signals := catchSignals()
	defer signals.release()
	token, err := adminToken(s.cfg.Server)
	if err != nil {
		return err
	}
	apps, err := detectAll(s.cfg.Apps)
	if err != nil {
		return err
	}
	claim, err := claimName(s.name)
	if err != nil {
		return err
	}
	defer claim.release()
	doors, err := openListeners(s.cfg.Server.Listen)
	if err != nil {
		return err
	}
	defer closeAll(doors)
	adminDoor, err := s.openAdmin()
	if err != nil {
		return err
	}
	defer adminDoor.Close()

	group, alive := errgroup.WithContext(context.Background())
	stopping, stop := context.WithCancel(alive)
	patience, hurry := context.WithCancel(context.Background())
	over, end := context.WithCancel(context.Background())
	s.stop, s.hurry = stop, hurry
	defer end()
	defer hurry()
	releases, err := identifyAll(apps)
	if err != nil {
		return err
	}
	s.startApps(apps, releases, claim.folder)
	if err := s.buildFaces(apps, addresses(doors), token); err != nil {
		hurry()
		s.stopApps(patience)
		return err
	}
	watcher := restart.New(apps, s.restarts.live, s.restarts.onTouch, s.log)

	for _, door := range doors {
		group.Go(func() error { return s.front.Serve(door) })
	}
	group.Go(func() error { return s.admin.Serve(adminDoor) })
	group.Go(func() error { return watcher.Run(stopping) })
	group.Go(func() error { return s.restarts.checker.Run(stopping) })
	group.Go(func() error { return s.heed(over, signals) })
	s.announce(doors, adminDoor)

	<-stopping.Done()
	s.windDown(patience)
	end()
	return group.Wait()
}

// startApps makes the pool, which begins to start processes at once.
func (s *serving) startApps(apps []conf.App, releases []pool.Release, folder string) {
	if os.Geteuid() == 0 {
		s.log.Warn("running as root, and so do the apps: switching users is not supported yet, so start purser as the user that the apps are to run as")
	}
	s.pool = pool.New(s.cfg.Server.MaxProcesses, s.cfg.Server.MaxSpawns, s.log)
	s.restarts = newRestarts(s.pool, &s.keeper, apps, s.log)
	s.chronicle = startChronicle(s.pool, s.restarts, apps, s.log)
	for i, app := range apps {
		spawner := spawn.New(&s.keeper, app, folder, s.log.Named("app"))
		s.spawners = append(s.spawners, spawner)
		s.pool.Add(app, releases[i], s.restarts.prints.taking(app, spawning(spawner)))
	}
}

// buildFaces makes what visitors and operators talk to.
func (s *serving) buildFaces(apps []conf.App, listen []string, token string) error {
	front, err := proxy.New(proxy.Config{Server: s.cfg.Server, Apps: apps, Pool: s.pool, Log: s.log, Fresh: s.restarts.fresh})
	if err != nil {
		return asUsage(err)
	}
	s.front = front
	s.admin = status.NewServer(status.Config{
		Name: s.name, Version: release, Listen: listen, MaxProcesses: s.cfg.Server.MaxProcesses,
		Pool: s.pool, Log: s.log.Named("status"), Token: token,
		Restart: s.restarts.onOrder, Mark: s.restarts.mark, Needs: s.restarts.needs, Stop: s.stop,
		Spool: front.Spool, Faults: front.Faults,
	})
	return nil
}

func (s *serving) openAdmin() (net.Listener, error) {
	if s.cfg.Server.Admin == "" {
		listener, err := status.Listen(status.RuntimeDir(), s.name)
		return listener, asUsage(err)
	}
	listeners, err := openListener(conf.Listen{Network: "tcp", Address: s.cfg.Server.Admin}, nil)
	if err != nil {
		return nil, asUsage(fmt.Errorf("the admin API: %w", err))
	}
	return listeners[0], nil
}

// announce says where purser can be reached, once it can.
func (s *serving) announce(doors []net.Listener, admin net.Listener) {
	for _, address := range addresses(doors) {
		s.log.Info("listening", "address", address)
	}
	s.log.Info("admin api", "address", addresses([]net.Listener{admin})[0], "instance", s.name, "pid", os.Getpid())
	s.notify(fmt.Sprintf("READY=1\nSTATUS=Serving %d apps", len(s.cfg.Apps)))
	if s.opened != nil {
		s.opened(doors)
	}
}

// windDown stops in the order in which requests come in, so that what was accepted is answered.
// When patience ends, whatever still runs is cut off and killed.
func (s *serving) windDown(patience context.Context) {
	begin := time.Now()
	s.log.Info("stopping, finishing what was accepted")
	s.notify("STOPPING=1\nSTATUS=Finishing requests")
	draining, cancel := context.WithTimeout(patience, s.drainTimeout())
	defer cancel()
	s.complain("cannot finish all requests", s.front.Shutdown(draining))
	s.stopApps(patience)
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.complain("cannot finish all admin calls", s.admin.Shutdown(last))
	s.log.Info("stopped", "after", time.Since(begin).Round(time.Millisecond))
}

// stopApps drains and stops all processes; when patience ends, it kills them.
func (s *serving) stopApps(patience context.Context) {
	s.restarts.close()
	s.complain("cannot stop all processes in time", s.pool.Close(patience))
	s.chronicle.close()
	for _, spawner := range s.spawners {
		s.complain("cannot clean up after an app", spawner.Close())
	}
	s.keeper.Close()
}

// drainTimeout is the longest that any app gives its requests.
func (s *serving) drainTimeout() time.Duration {
	longest := time.Duration(0)
	for _, app := range s.cfg.Apps {
		longest = max(longest, app.DrainTimeout)
	}
	return longest
}

func (s *serving) complain(what string, err error) {
	if err != nil {
		s.log.Warn(what, "error", err)
	}
}

// detectAll fills in what is found out of each app's folder, or says what is wrong with all of them.
func detectAll(apps []conf.App) ([]conf.App, error) {
	var found []conf.App
	var wrong []error
	for _, app := range apps {
		app, err := spawn.Detect(app)
		found, wrong = append(found, app), append(wrong, err)
	}
	return found, asUsage(errors.Join(wrong...))
}

// identifyAll resolves the release that each app starts with.
func identifyAll(apps []conf.App) ([]pool.Release, error) {
	var releases []pool.Release
	for _, app := range apps {
		release, err := restart.Identify(app.Root)
		if err != nil {
			return nil, withCode(exitUsage, "cannot serve app %q: %w", app.Name, err)
		}
		releases = append(releases, pool.Release(release))
	}
	return releases, nil
}
