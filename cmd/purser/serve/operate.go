package serve

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"purser/conf"
	"purser/pool"
	"purser/status"
)

// This file is one app at a time: stopped, started, given another size, or removed while the others go on.

// A departure is an app that goes. One that is stopped may be removed before it has ended: then it goes once more.
type departure struct {
	gone  chan struct{} // closed when nothing of it is left
	log   string        // that it prints to
	app   *App
	hurry context.CancelFunc
}

// depart ends an app that gets no more requests, in the background. Those that wait for a process are served first.
func (p *purser) depart(a *App, end func(context.Context) error) {
	name := a.Conf().Name
	patience, hurry := context.WithCancel(p.patience)
	d := &departure{gone: make(chan struct{}), log: a.Conf().Log, app: a, hurry: hurry}
	p.mu.Lock()
	if before := p.leaving[name]; before != nil {
		d.hurry = func() { before.hurry(); hurry() } // it waits for that one
	}
	p.leaving[name] = d
	p.mu.Unlock()
	p.work.Go(func() {
		defer hurry()
		p.awaitAnswers(patience, a)
		err := end(patience)
		if p.yielding.Load() {
			return // another front goes on with its end
		}
		p.complain("cannot stop an app as it should be", err)
		p.mu.Lock()
		if p.leaving[name] == d {
			delete(p.leaving, name)
		}
		p.mu.Unlock()
		p.Log.Info("app has ended", "app", name)
		close(d.gone)
		p.turn.Lock() // a reload has opened what it is about to use
		defer p.turn.Unlock()
		p.closeLogs()
		p.disks.only(p.isThere)
	})
}

// isThere reports whether there is an app of that name, or one that goes.
func (p *purser) isThere(name string) bool {
	p.mu.Lock()
	going := p.leaving[name] != nil
	p.mu.Unlock()
	return going || p.app(name) != nil
}

// closeLogs has the files of logs closed that nobody writes to any more. It is called with the turn.
func (p *purser) closeLogs() {
	var written []string
	for _, a := range p.all() {
		written = append(written, a.Conf().Log)
	}
	p.mu.Lock()
	written = append(written, p.running.Server.AccessLog)
	for _, d := range p.leaving {
		written = append(written, d.log)
	}
	p.mu.Unlock()
	p.Log.Keep(written)
}

// awaitAnswers returns when nobody waits for a process of the app any more, or as long after as requests may take to
// drain. When all of purser stops, the front does that.
func (p *purser) awaitAnswers(patience context.Context, a *App) {
	group := p.shared.pool.Group(a.Conf().Name)
	if group == nil {
		return
	}
	group.TurnAway()
	limit := time.NewTimer(a.Conf().DrainTimeout)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.front.TakesIn(group.Name()) > 0 || group.Snapshot().Queue > 0 {
		select {
		case <-tick.C:
		case <-limit.C:
			return
		case <-patience.Done():
			return
		case <-p.stopping.Done():
			return
		}
	}
}

// awaitDeparture returns when nothing is left of an app of that name that goes. It is given its time to drain, and
// killed then.
func (p *purser) awaitDeparture(name string) {
	p.mu.Lock()
	d := p.leaving[name]
	p.mu.Unlock()
	if d == nil {
		return
	}
	p.Log.Info("an app that goes is waited for, as it is to start again", "app", name)
	limit := time.NewTimer(lastOfIts)
	defer limit.Stop()
	select {
	case <-d.gone:
		return
	case <-limit.C:
		d.hurry()
	case <-p.stopping.Done():
		return
	}
	select {
	case <-d.gone:
	case <-p.stopping.Done():
	}
}

// lastOfIts is how long an app that goes may keep one of its name from starting.
const lastOfIts = 30 * time.Second

// operate does something to one app, while nobody else changes what is served.
func (p *purser) operate(name string, do func(*App) error) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	a := p.app(name)
	switch err := p.mayChange(); {
	case err != nil:
		return err
	case a == nil:
		return &status.Error{Status: http.StatusNotFound, Code: status.CodeNoApp, Message: fmt.Sprintf("there is no app %q", name)}
	}
	return do(a)
}

// StopApp stops one app, for as long as nobody starts it again. It returns when visitors are told so; what they have
// asked before is still answered.
func (p *purser) StopApp(name string) error { return p.operate(name, p.stopApp) }

func (p *purser) stopApp(a *App) error {
	name := a.Conf().Name
	if p.shared.deployer.IsStopped(name) {
		return nil
	}
	p.shared.deployer.SetStopped(name, true)
	p.front.Change(p.frontConfig())
	p.Log.Info("app is stopped by an operator", "app", name)
	p.depart(a, a.Halt)
	return nil
}

// StartApp starts an app that was stopped.
func (p *purser) StartApp(name string) error { return p.operate(name, p.startApp) }

func (p *purser) startApp(a *App) error {
	name := a.Conf().Name
	if !p.shared.deployer.IsStopped(name) {
		return nil
	}
	p.awaitDeparture(name)
	if p.stopping.Err() != nil {
		return pool.ErrClosed
	}
	start := func() error { return p.startNewest(a) }
	if a.Unserved() != nil {
		start = func() error { return p.serveNow(a) }
	}
	if err := start(); err != nil {
		return &status.Error{Status: http.StatusConflict, Code: status.CodeNoRelease, Message: err.Error()}
	}
	p.shared.deployer.SetStopped(name, false)
	p.front.Change(p.frontConfig())
	p.Log.Info("app is started by an operator", "app", name)
	return nil
}

// startNewest starts an app that was stopped as its newest release says.
func (p *purser) startNewest(a *App) error {
	name := a.Conf().Name
	of, written := p.written(name)
	if of == nil {
		return errEdited
	}
	found, known, err := p.foundNow(p.stopping, of, written)
	if err != nil {
		return err
	}
	if known {
		a.become(found)
	}
	return a.Start()
}

// ScaleApp gives an app so many processes, until its configuration has other numbers than now.
func (p *purser) ScaleApp(name string, processes int) error {
	return p.operate(name, func(a *App) error { return p.scaleApp(a, processes) })
}

func (p *purser) scaleApp(a *App, processes int) error {
	to := a.Conf()
	to.MinProcesses, to.MaxProcesses = processes, processes
	if err := p.fits(to); err != nil {
		return &status.Error{Status: http.StatusConflict, Code: status.CodeBadSize, Message: fmt.Sprintf("cannot scale %s to %d: %v", to.Name, processes, err)}
	}
	if err := a.Change(to); err != nil {
		return err
	}
	p.shared.deployer.Scale(p.raw[to.Name], processes)
	p.Log.Info("app is scaled by an operator", "app", to.Name, "processes", processes)
	return nil
}

// fits says why there cannot be so many processes beside those of the other apps.
func (p *purser) fits(to conf.App) error {
	var apps []conf.App
	for _, a := range p.apps {
		app := a.Conf()
		if app.Name == to.Name {
			app = to
		}
		apps = append(apps, app)
	}
	return overCap(p.running.Server, apps)
}

// app is the app of that name, or nil.
func (p *purser) app(name string) *App {
	for _, a := range p.all() {
		if a.Conf().Name == name {
			return a
		}
	}
	return nil
}

// all are all apps, by name.
func (p *purser) all() []*App {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.apps
}
