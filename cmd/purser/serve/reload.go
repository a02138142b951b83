package serve

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"purser/conf"
	"purser/restart/history"
	"purser/status"
)

// Reload reads the configuration again and has purser go by it. It is done all or not at all: what can fail is
// tried before anything is changed, but for the restarts that it begins, which are withstood as always. Apps that
// cannot be served are left out of that, each for itself. Who asks while another is waiting to begin gets what comes of that one, which reads what is there by then.
func (p *purser) Reload(by string, o status.ReloadOptions) (status.Reload, error) {
	run, first := p.reloads.join(o)
	if !first {
		<-run.done
		return run.result, run.err
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.reloads.begin(run)
	defer close(run.done)
	run.result, run.err = p.reload(by, o)
	return run.result, run.err
}

func (p *purser) reload(by string, o status.ReloadOptions) (r status.Reload, err error) {
	if err := p.mayChange(); err != nil {
		return r, err
	}
	r = status.Reload{At: time.Now(), By: by, DryRun: o.DryRun, Opened: []string{}, Closed: []string{}, Restarts: []status.Reloading{}, Problems: []string{}}
	if !o.DryRun {
		p.tellReloading()
		defer p.noteReload(&r)
	}
	defer p.closeLogs()
	before := p.given
	next, err := p.read(o.Config)
	if err == nil {
		r.Difference = next.diff
		err = p.prepare(next)
	}
	if err != nil {
		p.unread(before)
		r.Error = err.Error()
		return r, badConfig(err)
	}
	r.Opened, r.Closed = next.rebuilding.addresses()
	r.Problems = append(r.Problems, next.problems()...)
	r.Unserved, r.Kept = slices.Sorted(maps.Keys(next.wrong)), slices.Sorted(maps.Keys(next.kept))
	if o.DryRun {
		next.drop()
		p.unread(before)
		return r, nil
	}
	if err := p.awaitPlaces(next); err != nil {
		r.Error = err.Error()
		return r, err
	}
	p.apply(next, &r)
	return r, nil
}

// badConfig is an error of who wrote the configuration, as the admin API tells it.
func badConfig(err error) error {
	return &status.Error{Status: http.StatusBadRequest, Code: status.CodeBadConfig, Message: err.Error()}
}

// apply has purser go by a change. What is said to be wrong came up since it was prepared, and concerns one app.
func (p *purser) apply(c *change, r *status.Reload) {
	if err := letIn(p.shared.folder, slices.Collect(maps.Values(c.apps))); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	p.sayFound(c.changed())
	p.warnOfNobody(c.changed(), c.conf.Server)
	p.disks.expect(c.conf.Server, slices.Collect(maps.Values(c.apps)))
	p.Log.Change(c.conf.Server, c.conf.Apps)
	p.wordKeeper(c.conf)
	p.shared.pool.Limit(c.conf.Server.MaxProcesses, c.conf.Server.MaxSpawns)
	p.shared.deployer.Unscale(c.unsized())
	removed := p.changeApps(c, r)
	if err := p.useCertificates(c); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	access, err := p.Log.Access()
	if err != nil {
		r.Problems = append(r.Problems, err.Error())
		access = p.access
	}
	p.mu.Lock()
	p.running, p.raw, p.kept, p.access, p.doors, p.passwords = c.conf, c.raw, c.kept, access, c.rebuilding.doors, c.passwords
	p.mu.Unlock()
	p.holdConfig(c.conf)
	p.holdCertificates()
	p.front.Change(p.frontConfig()) // from here on there are other routes
	p.rebuilt(c.rebuilding)
	p.moveMetrics(c)
	for _, a := range removed {
		p.shared.deployer.Forget(a.Conf().Name)
		p.maintenances.forget(a.Conf().Name)
		p.depart(a, a.Remove)
	}
	p.beginRestarts(c, r)
	p.useGrants()
	p.retrySoon()
	p.sayReloaded(c, r)
}

// changeApps starts the apps that are new and changes the others. It returns those that are to go. What fails only now
// is tried again by the next reload.
func (p *purser) changeApps(c *change, r *status.Reload) (removed []*App) {
	complain := func(err error) {
		if err != nil {
			r.Problems = append(r.Problems, err.Error())
		}
	}
	var apps []*App
	for _, a := range c.added {
		why := c.wrong[a.Conf().Name]
		if why == nil {
			why = a.Start()
			complain(why)
		}
		if why != nil {
			a.StartUnserved(why)
		}
		apps = append(apps, a)
	}
	byKeys := map[string]conf.AppDiff{}
	for _, d := range c.diff.Apps {
		byKeys[d.Name] = d
	}
	for _, a := range p.apps {
		d, differs := byKeys[a.Conf().Name]
		switch {
		case d.Gone:
			removed = append(removed, a)
			continue
		case a.Unserved() != nil:
			complain(p.changeUnserved(c, a))
		case differs:
			err := a.Change(c.apps[d.Name])
			if complain(err); err != nil {
				c.raw[d.Name] = p.raw[d.Name]
			}
		case slices.Contains(c.diff.AtOnce, "log_apps_format"), slices.Contains(c.diff.AtOnce, "log_format"), a.PrintsAstray():
			complain(a.OpenLog())
		}
		apps = append(apps, a)
	}
	slices.SortFunc(apps, func(a, b *App) int { return strings.Compare(a.Conf().Name, b.Conf().Name) })
	p.mu.Lock()
	p.apps = apps
	p.mu.Unlock()
	return removed
}

// beginRestarts begins the restarts that bring what processes are started with. An app's before_restart may take its
// time, and the others do not wait for it.
func (p *purser) beginRestarts(c *change, r *status.Reload) {
	var all sync.WaitGroup
	var mu sync.Mutex // guards r
	for _, d := range c.diff.Apps {
		if len(d.Restart) == 0 || c.unserved[d.Name] {
			continue
		}
		all.Go(func() {
			begun, is, err := p.app(d.Name).Reconfigure(d.Restart)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case is:
				r.Restarts = append(r.Restarts, status.Reloading{App: d.Name, Accepted: status.Accepted{ID: begun.ID, Generation: begun.Generation}})
			case err != nil:
				r.Problems = append(r.Problems, fmt.Sprintf("cannot restart %s: %v", d.Name, err))
			case p.shared.deployer.IsStopped(d.Name):
				r.Problems = append(r.Problems, fmt.Sprintf("%s is stopped; its next start has the new configuration", d.Name))
			default:
				r.Problems = append(r.Problems, fmt.Sprintf("%s is not restarted, as %s; its next restart has the new configuration", d.Name, p.shared.deployer.HeldBack(d.Name)))
			}
		})
	}
	all.Wait()
	slices.SortFunc(r.Restarts, func(a, b status.Reloading) int { return strings.Compare(a.App, b.App) })
}

// sayReloaded logs what was changed.
func (p *purser) sayReloaded(c *change, r *status.Reload) {
	for _, w := range c.warnings {
		p.warnOfCertificate(w)
	}
	if c.diff.None() {
		p.Log.Info("configuration read again, nothing is changed", "by", r.By)
		return
	}
	p.Log.Info("configuration read again", "by", r.By, "server", c.diff.AtOnce, "opened", r.Opened, "closed", r.Closed)
	for _, d := range c.diff.Apps {
		switch {
		case d.New:
			p.Log.Info("app added", "app", d.Name)
		case d.Gone:
			p.Log.Info("app removed, what it has been asked is still answered", "app", d.Name)
		default:
			p.Log.Info("app changed", "app", d.Name, "at-once", d.AtOnce, "by-restart", d.Restart)
		}
	}
	if len(c.diff.Pending) > 0 {
		p.Log.Warn("these keys need a restart of purser", "keys", c.diff.Pending)
	}
	p.sayAwaited()
	for _, problem := range r.Problems {
		p.Log.Error("not all of the configuration holds", "problem", problem)
	}
}

// noteReload keeps what came of a reload, and tells systemd that it is over.
func (p *purser) noteReload(r *status.Reload) {
	last := *r
	p.mu.Lock()
	p.last = &last
	p.mu.Unlock()
	var refused error
	said := p.serving()
	if r.Error != "" {
		refused = errors.New(r.Error)
		p.Log.Error("the configuration cannot be used, the one from before stays", "by", r.By, "error", r.Error)
		said += "; the configuration cannot be used, the one from before stays"
	}
	p.past.history.Did(history.Reload, "", r.By, strings.Join(r.Problems, "; "), r.At, refused)
	p.tellSystemd("READY=1", said)
}

// LastReload is the last one that was no dry run.
func (p *purser) LastReload() *status.Reload {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}
