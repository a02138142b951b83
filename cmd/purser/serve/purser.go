// Package serve is one purser from its start to its end: it takes its name and its addresses, starts its
// apps, opens them to visitors and operators, heeds signals, and stops in the order in which requests come
// in. It joins pool and spawn, which do not know each other, and holds no rules of its own.
package serve

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"purser/cmd/purser/serve/log"
	"purser/conf"
	"purser/pool"
	"purser/proxy"
	"purser/proxy/certs"
	"purser/proxy/passwords"
	"purser/spawn/keeper"
	"purser/status"
)

// Config is what a purser is to serve. Every field is required unless it says otherwise.
type Config struct {
	Conf     *conf.Config                                                 // valid
	File     string                                                       // that it was read from; "" = none
	Load     func(file string, texts []conf.Source) (*conf.Config, error) // reads it again: another file this once, unless that is ""; or what was in the files
	Name     string                                                       // of this purser: no other of that name may run
	Version  string
	Log      *log.Log             // closed at the end
	Token    string               // what callers of an admin API on TCP have to show; "" lets nobody in
	Attended bool                 // a hangup is that of the terminal, and ends purser
	Opened   func([]net.Listener) // told of the listeners once requests are accepted; may be nil
	Stopped  func()               // told when purser has stopped, and not if another front goes on; may be nil
	Keeper   *keeper.Keeper       // parent of all children, which starts another front if this one crashes
	Left     keeper.Inheritance   // what the fronts before have left
}

// Run serves until it is told to stop, and returns once everything it started has ended.
func Run(c Config) error {
	p := &purser{Config: c, turn: newTurn(), reading: newTurn(), changing: newTurn(), ending: newOld(), retry: make(chan struct{}, 1)}
	return p.run()
}

// A purser is what Run runs.
type purser struct {
	Config
	shared  shared
	front   *proxy.Server
	admin   *status.Server
	ledger  status.Ledger
	sockets sockets
	disks   *disks
	toll    toll
	given   *given // to a front that may not read the configuration; nil = it may. Guarded by turn
	past    past
	retry   chan struct{} // holds one: what cannot be served is to be tried again
	halting []*App        // that were stopped by an operator and run yet, of a front that has crashed

	maintenances maintenances

	reading  turn        // of who has a reader look at what this front may not
	lenders  lenders     // for the fronts before, which finish
	binary   string      // path that purser was started from; "" = not known
	changing turn        // of upgrades
	yielding atomic.Bool // another front serves, or is about to
	ending   *old        // how this one ends then

	group    *errgroup.Group    // of what runs until purser stops
	work     sync.WaitGroup     // reloads by a signal, apps that go, and loans
	stopping context.Context    // ends when the stop begins
	owning   context.Context    // ends then, too, or when another front serves: of what only one may do
	disown   context.CancelFunc // ends it
	patience context.Context    // ends when apps are killed
	stop     context.CancelFunc // begins the graceful stop
	hurry    context.CancelFunc // ends the patience of the stop

	reloads reloads
	turn    turn           // held by who changes what is served, however long that takes
	over    bool           // nothing of it is changed any more; guarded by turn
	metrics []net.Listener // where anybody may read metrics; guarded by turn

	closedLogs, unlooked news // what was said of logs not opened again, and of apps not tried again; guarded by turn

	// mu guards what follows, which only who has the turn changes.
	mu           sync.Mutex
	running      *conf.Config        // that purser goes by
	raw          map[string]conf.App // its apps as their files have them
	kept         map[string]error    // why some of them are those of the configuration before
	apps         []*App              // by name
	leaving      map[string]*departure
	doors        []door
	access       func(line []byte)
	certificates *certs.Store               // nil without https
	issuance     *issuance                  // nil = no authority is asked
	passwords    map[string]*passwords.List // by the paths of their files
	last         *status.Reload
}

// reservedThreads are as many as purser was seen to need with hundreds of apps, under load.
const reservedThreads = 24

func (p *purser) run() error {
	defer p.Log.Close()
	keeper.ReserveThreads(reservedThreads)
	signals := catchSignals()
	defer signals.release()
	from := newEstate(p.Left)
	if err := p.takeGiven(); err != nil {
		return err
	}
	if err := p.ownFront(p.Conf); err != nil {
		return err
	}
	apps, wrong := from.detect(p.Conf, p.look)
	if err := allUnserved(wrong); err != nil && p.Left.Fronts == 0 {
		return err
	}
	if err := errors.Join(p.loadCertificates(), p.loadPasswords()); err != nil {
		return err
	}
	p.inherit()
	p.noteBinary()
	claim, err := p.claimName()
	if err != nil {
		return err
	}
	defer claim.release()
	if p.doors, err = openDoors(p.Conf.Server.Listen, p.sockets); err != nil {
		return err
	}
	defer func() { closeDoors(p.doors) }()
	p.warnOfUnused(unusedNames(p.Conf.Server.Listen, p.sockets.passed))
	adminDoor, err := p.openAdmin()
	if err != nil {
		return err
	}
	defer adminDoor.Close()
	if p.metrics, err = p.sockets.openMetrics(p.Conf.Server.Metrics); err != nil {
		return err
	}
	defer func() { closeAll(p.metrics) }()
	p.sockets.held.dropRest()
	p.holdConfig(p.Conf)
	p.wordKeeper(p.Conf)
	p.holdCertificates()

	over, end := p.live()
	defer p.hurry()
	defer end()
	p.running, p.raw, p.leaving = p.Conf, byName(p.Conf.Apps), map[string]*departure{}
	if err := p.build(apps, wrong, claim, from); err != nil {
		if p.Left.Fronts > 0 {
			return err // what runs is for the next to take over
		}
		p.hurry()
		p.stopApps(p.patience)
		p.past.failed(err)
		return err
	}
	p.begin(adminDoor, over, signals)

	select {
	case <-p.stopping.Done():
	case <-p.ending.yielded:
	}
	p.end(p.patience)
	end()
	return p.group.Wait()
}

// live begins what contexts end: all but signals and the watchdog, which go on until end.
func (p *purser) live() (over context.Context, end func()) {
	group, alive := errgroup.WithContext(context.Background())
	p.group = group
	p.stopping, p.stop = context.WithCancel(alive)
	p.owning, p.disown = context.WithCancel(p.stopping)
	p.patience, p.hurry = context.WithCancel(context.Background())
	over, cancel := context.WithCancel(context.Background())
	return over, func() {
		p.disown()
		cancel()
	}
}

// begin has everything run that does until purser stops, signals and the watchdog until that is over, and says where
// purser can be reached.
func (p *purser) begin(adminDoor net.Listener, over context.Context, signals signalQueue) {
	p.turn.Lock() // who asks for a reload by now waits
	defer p.turn.Unlock()
	p.changing.Lock() // and who asks for an upgrade: the one that has brought this front is not told of yet
	defer p.changing.Unlock()
	p.serveDoors(p.doors)
	p.group.Go(func() error { return p.admin.Serve(adminDoor) })
	p.group.Go(func() error { return p.keepAdmin(p.owning, adminDoor) })
	p.serveMetrics(p.metrics)
	p.group.Go(func() error { return p.shared.deployer.Run(p.owning) })
	p.group.Go(func() error { return p.heed(over, signals) })
	p.group.Go(func() error { return p.retryUnserved(p.owning) })
	p.group.Go(func() error { return p.attend(p.stopping) })
	p.group.Go(func() error { return p.watchPasswords(p.owning) })
	if p.certificates != nil {
		p.group.Go(func() error { p.certificates.Watch(p.owning, p.news()); return nil })
	}
	if p.File != "" {
		p.group.Go(func() error { return p.watchConfig(p.owning) })
	}
	if p.issuance != nil {
		p.runIssuance(p.issuance)
	}
	p.announce(adminDoor)
	p.group.Go(func() error { feed(over, signOfLife, p.proveAlive, p.Keeper.Alive); return nil })
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

func (p *purser) cached(app string) (status.Cache, bool) {
	c, known := p.front.Stored(app)
	return status.Cache(c), known
}

func (p *purser) complain(what string, err error) {
	if err != nil {
		p.Log.Warn(what, "error", err)
	}
}
