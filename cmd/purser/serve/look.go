package serve

import (
	"context"
	"errors"
	"syscall"
	"time"

	"purser/conf"
)

// This file is what an app is found to be as it restarts. A release may be started in another way than the one before:
// by another line of its Procfile, another script of package.json, another startup file. A command belongs to its
// release: it comes with the restart to that, and goes with a rollback. What holds without a restart is as it was read.

// lookAnew finds out again what an app is that is about to restart. Its error is why that release cannot be started.
func (p *purser) lookAnew(over context.Context, name string) error {
	a := p.app(name)
	if a == nil || a.Unserved() != nil {
		return nil // it is being started, and was looked at
	}
	of, written := p.written(name)
	if of == nil {
		return nil
	}
	found, known, err := p.foundNow(over, of, written)
	switch {
	case err != nil:
		return errors.New(newUnserved(name, err).text) // who asks names the app
	case !known:
		return nil
	}
	keys, err := a.Become(found)
	if len(keys) > 0 {
		p.Log.Info("the release is started in another way than the one before", "app", name, "kind", found.Found.Choice(found.Kind), "keys", keys)
		p.sayNotes(found)
	}
	if len(keys) > 0 || p.Keeper.Confined() {
		p.work.Go(p.goByFound)
	}
	return err
}

// written is the configuration that purser goes by, and an app of it as its file has it; nil if there is none.
func (p *purser) written(name string) (of *conf.Config, app conf.App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if app, there := p.raw[name]; there {
		return p.running, app
	}
	return nil, app
}

// foundNow is lookNow for who starts an app as it was if that cannot be known.
func (p *purser) foundNow(over context.Context, of *conf.Config, app conf.App) (found conf.App, known bool, err error) {
	found, err = p.lookNow(over, of, app)
	if unknown, is := errors.AsType[*unlooked](err); is {
		p.Log.Warn("it cannot be looked at what the app is by now, so it is started as it was", "app", app.Name, "error", unknown.why)
		return found, false, nil
	}
	return found, err == nil, err
}

// lookNow is look for one app, which waits for nobody who changes what is served.
func (p *purser) lookNow(over context.Context, of *conf.Config, app conf.App) (conf.App, error) {
	if !p.Keeper.Confined() {
		found, err := Detect(of, []conf.App{app})
		return found[0], err
	}
	if why := p.keptAs(app.Name); why != nil {
		return app, &unlooked{why} // the reader would look at it by the newer one
	}
	one, err := p.readOne(over, app.Name)
	switch {
	case err != nil:
		return app, &unlooked{err}
	case one.Sources != digest(of.Sources):
		return app, &unlooked{errEdited}
	case one.Wrong != "":
		return app, refusal(errors.New(one.Wrong))
	}
	return one.App, nil
}

// keptAs is why an app goes on with a configuration that is older than that of purser, nil if it does not.
func (p *purser) keptAs(app string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[app]
}

// lookWithin finds out what an app is in another release than its newest.
func (p *purser) lookWithin(name, release string) (conf.App, error) {
	of, app := p.written(name)
	if of == nil {
		return app, errEdited
	}
	root := app.Root
	app.Root = release
	found, err := Detect(of, []conf.App{app})
	found[0].Root = root
	return found[0], err
}

// unlooked is why it cannot be found out what an app is.
type unlooked struct{ why error }

func (u *unlooked) Error() string { return u.why.Error() }

// readerBusy is how long a restart, or a reload, waits for a keeper that has nothing read now, as it is being renewed.
const readerBusy = 10 * time.Second

// readOne has a reader look at one app.
func (p *purser) readOne(over context.Context, name string) (one oneRead, err error) {
	err = whileBusy(over, func(limit context.Context) error {
		if !p.reading.lockUnless(limit.Done()) {
			return limit.Err()
		}
		held, err := p.Keeper.ReadApp(name)
		p.reading.Unlock()
		if err == nil {
			err = readHeld(held[readOneApp], &one)
		}
		for _, file := range held {
			file.Close()
		}
		return err
	})
	return one, err
}

// whileBusy has something read, and again while the keeper says that it has nothing read now.
func whileBusy(over context.Context, read func(limit context.Context) error) error {
	limit, cancel := context.WithTimeout(over, readerBusy)
	defer cancel()
	for {
		err := read(limit)
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EBUSY) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-limit.Done():
			return err
		}
	}
}

// goByFound has visitors be served by what apps were found to be, and the keeper forget what nothing runs by any more.
func (p *purser) goByFound() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.mayChange() == nil {
		p.front.Change(p.frontConfig())
		p.useGrants()
	}
}

// landed has the app be what it serves by now: after a restart that has failed, and a rollback, that is again what it
// was before. What is written comes with the next restart, which looks at it.
func (p *purser) landed(name string) {
	if a := p.app(name); a != nil {
		a.land()
	}
}
