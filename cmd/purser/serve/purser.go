// Package serve is one purser from its start to its end: it takes its name and its addresses, starts its
// apps, opens them to visitors and operators, heeds signals, and stops in the order in which requests come
// in. It joins pool and spawn, which do not know each other, and holds no rules of its own.
package serve

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"purser/cmd/purser/serve/log"
	"purser/conf"
	"purser/pool"
	"purser/proxy"
	"purser/proxy/certs"
	"purser/proxy/certs/acme"
	"purser/restart/deploy"
	"purser/spawn"
	"purser/spawn/keeper"
	"purser/status"
)

// Config is what a purser is to serve. Every field is required unless it says otherwise.
type Config struct {
	Conf     *conf.Config // valid
	Name     string       // of this purser: no other of that name may run
	Version  string
	Log      *log.Log             // closed at the end
	Token    string               // what callers of an admin API on TCP have to show; "" lets nobody in
	Attended bool                 // a hangup is that of the terminal, and ends purser
	Opened   func([]net.Listener) // told of the listeners once requests are accepted; may be nil
}

// A Refusal is an error that is the doing of who wrote the configuration or typed the command line, or a
// name or a port that is taken.
type Refusal struct{ error }

func (r Refusal) Unwrap() error { return r.error }

func refusal(err error) error {
	if err == nil {
		return nil
	}
	return Refusal{err}
}

// Run serves until it is told to stop, and returns once everything it started has ended.
func Run(c Config) error {
	p := &purser{Config: c}
	return p.run()
}

// A purser is what Run runs.
type purser struct {
	Config
	shared shared
	apps   []*App
	front  *proxy.Server
	admin  *status.Server
	ledger status.Ledger
	past   past

	certificates *certs.Store      // nil without https
	issuance     *acme.Manager     // gets more of them; nil = nobody does
	owners       map[string]string // whose the names of those are

	stop  context.CancelFunc // begins the graceful stop
	hurry context.CancelFunc // ends the patience of the stop
}

// reservedThreads are as many as purser was seen to need with hundreds of apps, under load.
const reservedThreads = 24

func (p *purser) run() error {
	defer p.Log.Close()
	keeper.ReserveThreads(reservedThreads)
	signals := catchSignals()
	defer signals.release()
	apps, err := Detect(p.Conf.Apps)
	if err != nil {
		return err
	}
	if err := p.loadCertificates(); err != nil {
		return err
	}
	claim, err := claimName(p.Name)
	if err != nil {
		return err
	}
	defer claim.release()
	doors, unused, err := openListeners(p.Conf.Server.Listen)
	if err != nil {
		return err
	}
	p.warnOfUnused(unused)
	defer closeAll(doors)
	adminDoor, err := p.openAdmin()
	if err != nil {
		return err
	}
	defer adminDoor.Close()
	metricsDoors, err := p.openMetrics()
	if err != nil {
		return err
	}
	defer closeAll(metricsDoors)

	group, alive := errgroup.WithContext(context.Background())
	stopping, stop := context.WithCancel(alive)
	patience, hurry := context.WithCancel(context.Background())
	over, end := context.WithCancel(context.Background())
	p.stop, p.hurry = stop, hurry
	defer end()
	defer hurry()
	if err := p.build(apps, claim.folder, doors); err != nil {
		hurry()
		p.stopApps(patience)
		p.past.failed(err)
		return err
	}
	for _, door := range doors {
		group.Go(func() error { return p.serveDoor(door) })
	}
	group.Go(func() error { return p.admin.Serve(adminDoor) })
	for _, door := range metricsDoors {
		p.Log.Info("metrics", "address", door.Addr())
		group.Go(func() error { return p.admin.ServeMetrics(door) })
	}
	group.Go(func() error { return p.shared.deployer.Run(stopping) })
	group.Go(func() error { return p.heed(over, signals) })
	if p.certificates != nil {
		group.Go(func() error { p.certificates.Watch(stopping, p.news()); return nil })
	}
	if p.issuance != nil {
		group.Go(func() error { p.issuance.Run(stopping); return nil })
	}
	p.announce(doors, adminDoor)
	group.Go(func() error { return p.feedWatchdog(over) })

	<-stopping.Done()
	p.past.stops(context.Cause(stopping))
	p.windDown(patience)
	p.past.stopped()
	end()
	return group.Wait()
}

// build starts the apps, whose processes begin to start at once, and makes what visitors and operators
// talk to.
func (p *purser) build(apps []conf.App, folder string, doors []net.Listener) error {
	if os.Geteuid() == 0 {
		p.Log.Warn("running as root, and so do the apps: switching users is not supported yet, so start purser as the user that the apps are to run as")
	}
	server := p.Conf.Server
	p.shared = shared{pool: pool.New(server.MaxProcesses, server.MaxSpawns, p.Log), folder: folder, log: p.Log, lines: p.Log.App, keeper: &keeper.Keeper{}}
	p.past.begin(p.Name, p.Version, p.shared.pool, p.Log)
	p.shared.deployer = deploy.New(deploy.Config{Pool: p.shared.pool, Keeper: p.shared.keeper, Memo: stateFile(p.Name), Seen: p.seen, Log: p.Log})
	for _, app := range apps {
		a := newApp(&p.shared, app)
		if err := a.Start(); err != nil {
			return err
		}
		p.apps = append(p.apps, a)
	}
	access, err := p.Log.Access()
	if err != nil {
		return refusal(err)
	}
	if err := p.obtain(doors); err != nil {
		return refusal(err)
	}
	p.front = proxy.New(proxy.Config{Server: server, Apps: apps, Pool: p.shared.pool, Log: p.Log, Fresh: p.shared.deployer.Fresh, Access: access,
		AffinityKey: p.shared.deployer.AffinityKey(), Certs: p.certificates, HTTPSPort: httpsPort(doors), Proof: p.proof()})
	p.admin = status.NewServer(status.Config{
		Name: p.Name, Version: p.Version, Listen: addresses(doors), MaxProcesses: server.MaxProcesses,
		Pool: p.shared.pool, Log: p.Log.Named("status"), Token: p.Token,
		Restarts: p.shared.deployer, History: p.past.history, Stop: p.stopFor,
		Spool: p.front.Spool, Faults: p.front.Faults, Unannounced: p.front.Unannounced, LinesLost: p.Log.Lost, Ledger: &p.ledger, Traffic: p.traffic,
		Certificates: p.listCertificates,
	})
	return nil
}

// seen takes note of what happens in the pool.
func (p *purser) seen(e pool.Event) {
	p.ledger.See(e)
	p.past.history.See(e)
}

// stopFor begins the graceful stop, as somebody asks for it.
func (p *purser) stopFor(by string) {
	p.past.asked(by)
	p.stop()
}

// traffic is what proxy has counted, as status shows it.
func (p *purser) traffic(app string) (status.Traffic, bool) {
	t, known := p.front.Traffic(app)
	return status.Traffic(t), known
}

// announce says where purser can be reached, once it can.
func (p *purser) announce(doors []net.Listener, admin net.Listener) {
	for _, address := range addresses(doors) {
		p.Log.Info("listening", "address", address)
	}
	p.Log.Info("admin api", "address", addresses([]net.Listener{admin})[0], "instance", p.Name, "pid", os.Getpid())
	p.past.serves()
	p.tellSystemd("READY=1", "Serving "+status.Counted(len(p.apps), "app", "apps"))
	if p.Opened != nil {
		p.Opened(doors)
	}
}

// windDown stops in the order in which requests come in, so that what was accepted is answered. No
// restart is begun any more. When patience ends, whatever still runs is cut off and killed.
func (p *purser) windDown(patience context.Context) {
	begin := time.Now()
	p.Log.Info("stopping, finishing the requests")
	p.tellSystemd("STOPPING=1", "Finishing requests")
	p.shared.deployer.Stop()
	draining, cancel := context.WithTimeout(patience, p.drainTimeout())
	defer cancel()
	p.complain("cannot finish all requests", p.front.Shutdown(draining))
	p.stopApps(patience)
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p.complain("cannot finish all admin calls", p.admin.Shutdown(last))
	p.Log.Info("stopped", "after", time.Since(begin))
}

// stopApps drains and stops all apps side by side; when patience ends, it kills them.
func (p *purser) stopApps(patience context.Context) {
	p.shared.deployer.Stop()
	var stopping, watch sync.WaitGroup
	for _, a := range p.apps {
		stopping.Go(func() { p.complain("cannot stop an app as it should be", a.Stop(patience)) })
	}
	stopped := make(chan struct{})
	watch.Go(func() { p.endKeeper(patience, stopped) })
	stopping.Wait()
	close(stopped)
	watch.Wait()
	p.shared.deployer.Close()
	p.shared.keeper.Close()
}

// keeperTime is how long the apps may take to go once they are killed: it is the keeper that kills them.
const keeperTime = 3 * time.Second

// endKeeper kills the keeper if the apps do not go though patience has ended: it may be stopped, or frozen. What
// it kept goes with it.
func (p *purser) endKeeper(patience context.Context, stopped <-chan struct{}) {
	select {
	case <-stopped:
		return
	case <-patience.Done():
	}
	select {
	case <-stopped:
	case <-time.After(keeperTime):
		p.Log.Warn("the process that runs the apps does not end them, so it is killed", "pid", p.shared.keeper.PID())
		p.shared.keeper.Kill()
	}
}

// drainTimeout is the longest that any app gives its requests.
func (p *purser) drainTimeout() time.Duration {
	longest := time.Duration(0)
	for _, a := range p.apps {
		longest = max(longest, a.Conf().DrainTimeout)
	}
	return longest
}

func (p *purser) complain(what string, err error) {
	if err != nil {
		p.Log.Warn(what, "error", err)
	}
}

// Detect fills in what is found out of each app's folder, or says what is wrong with all of them.
func Detect(apps []conf.App) ([]conf.App, error) {
	var found []conf.App
	var wrong []error
	for _, app := range apps {
		app, err := spawn.Detect(app)
		found, wrong = append(found, app), append(wrong, err)
	}
	return found, refusal(errors.Join(wrong...))
}
