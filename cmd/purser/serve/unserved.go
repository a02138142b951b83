package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"purser/conf"
	"purser/pool"
	"purser/restart/deploy"
)

// This file is about apps that cannot be served: their folder is away, it has nothing to start, there is no such user,
// or their log cannot be opened. None of them keeps the others from being served. It is in the pool with what is wrong,
// and visitors and operators are told; from time to time, and when somebody asks for it, it is tried again.

// firstLook and longestLook are how long it takes until an app that cannot be served is tried again: each time twice as
// long.
const (
	firstLook   = time.Second
	longestLook = 30 * time.Second
)

// unserved is why an app is not served.
type unserved struct {
	err  error
	text string // the same, without the name of the app
}

func newUnserved(app string, why error) *unserved {
	text := why.Error()
	for _, before := range []string{"cannot serve app %q: ", "app %s: "} {
		text = strings.TrimPrefix(text, fmt.Sprintf(before, app))
	}
	return &unserved{why, text}
}

// Unserved is why the app is not served, nil if it is, or was stopped.
func (a *App) Unserved() error {
	if u := a.unserved.Load(); u != nil {
		return u.err
	}
	return nil
}

// StartUnserved makes the group of an app that cannot be served: nothing runs, and whoever asks is told why.
func (a *App) StartUnserved(why error) {
	a.life.Lock()
	defer a.life.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	u := newUnserved(a.conf.Name, why)
	a.unserved.Store(u)
	release, past := pool.Release{Path: a.conf.Root, Seen: time.Now()}, a.shared.deployer.Past(a.conf.Name)
	app := countable(a.conf)
	if a.shared.deployer.IsStopped(app.Name) {
		a.group = a.shared.pool.ResumeStopped(app, release, past)
		return
	}
	cannot := func(context.Context, pool.Order) (pool.Child, error) {
		return nil, errors.New(a.unserved.Load().text)
	}
	a.group = a.shared.pool.ResumeFailed(app, release, past, u.text, cannot)
}

// countable is an app with the concurrency that a group must have: that of an app of no known kind is not known.
func countable(app conf.App) conf.App {
	app.Concurrency = cmp.Or(app.Concurrency, 1)
	return app
}

// StayUnserved has an app that is not served go by another configuration, with which it cannot be served either.
func (a *App) StayUnserved(to conf.App, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conf = to
	before, now := a.unserved.Load(), newUnserved(to.Name, why)
	a.unserved.Store(now)
	a.group.Configure(countable(to), 0)
	if now.text != before.text {
		a.group.Fail(now.text)
	}
}

// StartAs starts an app that was not served, as it was found now.
func (a *App) StartAs(found conf.App) error {
	a.mu.Lock()
	a.conf = found
	a.mu.Unlock()
	if err := a.Start(); err != nil {
		a.StayUnserved(found, err)
		return err
	}
	a.shared.log.Info("app can be served now", "app", found.Name)
	return nil
}

// endUnserved ends the group of an app that is not served, which has no process.
func (a *App) endUnserved() {
	if a.unserved.Load() != nil && a.group != nil {
		_ = a.group.Stop(context.Background()) // there is nothing that could last
	}
}

// published is an app as the front is to know it. Of one that cannot be served nothing is shown, its static files
// neither: it may not be known whose they are.
func (a *App) published() conf.App {
	app := a.Conf()
	if a.Unserved() != nil {
		app.Public, app.Static, app.Accel, app.Sendfile = "", nil, nil, nil
	}
	return app
}

// unserved are the apps that cannot be served and that nobody has stopped.
func (p *purser) unserved() (rest []*App) {
	for _, a := range p.all() {
		if a.Unserved() != nil && !p.shared.deployer.IsStopped(a.Conf().Name) {
			rest = append(rest, a)
		}
	}
	return rest
}

// retryUnserved tries apps again that cannot be served, until the context ends.
func (p *purser) retryUnserved(over context.Context) error {
	pause := firstLook
	for {
		var again <-chan time.Time
		if len(p.unserved()) > 0 {
			again = time.After(pause)
		}
		select {
		case <-over.Done():
			return nil
		case <-p.retry:
			pause = firstLook
			continue
		case <-again:
			pause = min(2*pause, longestLook)
		}
		p.serveUnserved()
	}
}

// retrySoon has those that cannot be served be tried again before long, as something has changed.
func (p *purser) retrySoon() {
	select {
	case p.retry <- struct{}{}:
	default: // somebody has asked already
	}
}

// serveUnserved tries those that cannot be served.
func (p *purser) serveUnserved() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.mayChange() != nil {
		return
	}
	rest := p.unserved()
	if len(rest) == 0 {
		return
	}
	if err := p.lookAgain(); err != nil {
		p.sayUnlooked(err)
		return
	}
	p.unlooked = news{}
	for _, a := range rest {
		_ = p.serveAgain(a) // it is kept, and told if it is another than before
	}
	p.useGrants()
}

// sayUnlooked says why apps that cannot be served are not tried again, unless that was said before.
func (p *purser) sayUnlooked(why error) {
	if len(p.unlooked.of(map[string]string{"": why.Error()})) > 0 {
		p.Log.Warn("cannot look whether apps can be served by now", "error", why)
	}
}

// serveNow tries one app that cannot be served, as somebody asks for it.
func (p *purser) serveNow(a *App) error {
	if a.Unserved() == nil {
		return nil // it is by now
	}
	if err := p.lookAgain(); err != nil {
		return err
	}
	defer p.useGrants()
	return p.serveAgain(a)
}

// errEdited is why nothing is found out about an app whose configuration may be another by now.
var errEdited = errors.New("the configuration has changed since it was read: run purser reload")

// lookAgain has what is to be known of apps be found out again, if that is not for this front to do. The configuration
// must be the one that purser goes by. It is called with the turn.
func (p *purser) lookAgain() error {
	if p.given == nil {
		return nil
	}
	before := p.given
	if err := p.haveRead(); err != nil {
		return err
	}
	if !reflect.DeepEqual(p.given.sources, before.sources) {
		p.unread(before)
		return errEdited
	}
	return nil
}

// serveAgain serves an app that could not be served, if it can be by now. It is called with the turn.
func (p *purser) serveAgain(a *App) error {
	now := a.Conf()
	i := slices.IndexFunc(p.running.Apps, func(app conf.App) bool { return app.Name == now.Name })
	if i < 0 {
		return errEdited
	}
	found, err := p.look(p.running, p.raw[now.Name])
	found = withSize(found, p.raw[now.Name], p.running.Apps[i])
	if over := p.fits(found); over != nil {
		found = keptAsWritten(found, p.running.Apps[i], over)
	}
	if err != nil {
		a.StayUnserved(found, err)
		return err
	}
	p.disks.consider(p.running.Server, []conf.App{found})
	if err := letIn(p.shared.folder, []conf.App{found}); err != nil {
		a.StayUnserved(found, err)
		return err
	}
	if err := a.StartAs(found); err != nil {
		return err
	}
	p.sayFound([]conf.App{found})
	p.warnOfNobody([]conf.App{found}, p.running.Server)
	p.front.Change(p.frontConfig())
	return nil
}

// A restarter begins restarts, and has an app be served first that could not be.
type restarter struct {
	*deploy.Deployer
	p *purser
}

// Restart is that of a Deployer.
func (r restarter) Restart(g *pool.Group, request pool.RestartRequest) (pool.RestartSnapshot, error) {
	a := r.p.app(g.Name())
	if a == nil || a.Unserved() == nil {
		return r.Deployer.Restart(g, request)
	}
	if err := r.p.operate(g.Name(), r.p.serveNow); err != nil {
		if now := a.unserved.Load(); now != nil && !errors.Is(err, errEdited) {
			err = errors.New(now.text) // who asks names the app
		}
		return g.RefuseRestart(request, err.Error(), nil), err
	}
	if now := r.p.shared.pool.Group(g.Name()); now != nil {
		g = now
	}
	return r.Deployer.Restart(g, request)
}

// allUnserved refuses to serve if there is nothing that can be served: whoever starts purser then has something to mend
// first.
func allUnserved(wrong []error) error {
	if len(wrong) == 0 || slices.Contains(wrong, nil) {
		return nil
	}
	return refusal(errors.Join(wrong...))
}
