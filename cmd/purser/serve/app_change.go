package serve

import (
	"maps"
	"reflect"
	"strings"

	"purser/conf"
	"purser/pool"
	"purser/spawn"
)

// This file is how an app goes on in another way: as it is configured, or as its release is found to be.

// Change has the app go on by another configuration of the same name, at once, but for what its processes are
// started with: that comes with the next restart, which is to be begun by Reconfigure if there is any of it.
func (a *App) Change(to conf.App) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.change(to)
}

// change is Change with mu held. While old processes serve beside those of another way to be started, none of them gets
// more requests at once than either can take.
func (a *App) change(to conf.App) error {
	if err := a.openLog(to); err != nil {
		return err
	}
	before := a.conf
	others := len(conf.CompareApps(&before, &to).Restart) > 0
	a.conf = to
	if a.editions == nil {
		if a.group != nil {
			a.group.Configure(to, 0)
		}
		a.noteHalted()
		return nil
	}
	number := 0
	if others {
		beside := to
		beside.Concurrency = fewer(before.Concurrency, to.Concurrency)
		number = a.editions.add(a.edition(to))
		a.group.Configure(beside, number)
	} else {
		a.group.Configure(to, a.editions.number())
		number = a.editions.replace(a.edition(to)) // nothing of it is asked for any more that it lacks
	}
	a.restarts.Change(to, number)
	a.editions.keep(a.group.Configs())
	return nil
}

// fewer is the smaller concurrency.
func fewer(a, b int) int {
	if a == conf.Unlimited || b != conf.Unlimited && b < a {
		return b
	}
	return a
}

// Reconfigure begins the restart that brings keys which processes are started with. It has not begun if the
// newest code is held back, or if the app does not run: then the next start has them.
func (a *App) Reconfigure(keys []string) (r pool.RestartSnapshot, begun bool, err error) {
	a.mu.Lock()
	restarts := a.restarts
	a.mu.Unlock()
	if restarts == nil {
		return r, false, nil
	}
	return restarts.Reconfigure("configuration changed: " + strings.Join(keys, ", "))
}

// Become has the app be started from its next restart on as it was found now, if that is another way than before. It
// returns the keys that differ. As whom it runs, its release does not choose: one of another user is refused, here if
// it is started by another file, else by who starts it.
func (a *App) Become(found conf.App) (keys []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.editions == nil:
		return nil, nil
	case !sameUser(a.conf.RunsAs, found.RunsAs) && a.conf.StartupFile != found.StartupFile:
		return nil, spawn.AnothersRelease(a.conf, found)
	case !sameUser(a.conf.RunsAs, found.RunsAs):
		return nil, nil
	}
	found.KeepAtOnce(&a.conf)
	if reflect.DeepEqual(a.conf, found) {
		return nil, nil
	}
	return conf.CompareApps(&a.conf, &found).Restart, a.change(found)
}

// become is Become for an app that does not run.
func (a *App) become(found conf.App) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if sameUser(a.conf.RunsAs, found.RunsAs) {
		found.KeepAtOnce(&a.conf)
		a.conf = found
	}
}

// firstEditions are what the app is started with, where its newest release does not serve: the release that does as that
// says, and the newest as it was found. It is called with mu held.
func (a *App) firstEditions(origin pool.Release, past *pool.Past) map[int]*edition {
	newest := a.conf
	if past.TakenBack == nil || a.shared.within == nil {
		return map[int]*edition{0: a.edition(newest)}
	}
	of, err := a.shared.within(newest.Name, origin.Path)
	if err != nil || !sameUser(newest.RunsAs, of.RunsAs) {
		a.shared.log.Warn("it cannot be told how the release that serves is started, so it is as the newest is", "app", newest.Name, "release", origin.Path, "error", err)
		return map[int]*edition{0: a.edition(newest)}
	}
	a.conf, past.Config = foundAs(newest, of), 1
	return map[int]*edition{0: a.edition(a.conf), past.Config: a.edition(newest), 2: a.edition(a.conf)}
}

func sameUser(a, b *conf.Account) bool {
	return a == nil && b == nil || a != nil && b != nil && a.UID == b.UID
}

// land has the app be what it serves by now.
func (a *App) land() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.editions == nil || a.group == nil {
		return
	}
	number, settled := a.group.Settled()
	if !settled {
		return
	}
	to := a.conf
	if of := a.editions.appOf(number); of != nil {
		to = foundAs(to, *of)
	}
	if reflect.DeepEqual(to, a.conf) {
		a.group.Configure(a.conf, a.editions.number()) // with its own concurrency, which was that of the old processes, too, until now
	} else if err := a.change(to); err == nil {
		a.group.Configure(to, a.editions.number())
	}
}

// foundAs is an app with what was found in the release of another of its editions.
func foundAs(app, of conf.App) conf.App {
	app.Kind, app.StartupFile, app.Command, app.Found = of.Kind, of.StartupFile, of.Command, of.Found
	app.Concurrency, app.Interpreter, app.Preload = of.Concurrency, of.Interpreter, of.Preload
	app.Grants = grantsAs(app.Grants, of.Grants)
	for _, w := range of.Workers {
		if now, there := app.Worker(w.Name); there {
			now.Command = w.Command
			app.SetWorker(now)
		}
	}
	return app
}

// grantsAs are the grants of an app with those of another of its editions. Hooks are run as they are configured now.
func grantsAs(now, of map[string]uint32) map[string]uint32 {
	if now == nil {
		return nil
	}
	hook := func(name string, _ uint32) bool { return strings.HasPrefix(name, spawn.HookGrant) }
	all, hooks := maps.Clone(of), maps.Clone(now)
	maps.DeleteFunc(all, hook)
	maps.DeleteFunc(hooks, func(name string, number uint32) bool { return !hook(name, number) })
	maps.Copy(all, hooks)
	return all
}
