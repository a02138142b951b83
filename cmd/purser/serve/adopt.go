package serve

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"purser/conf"
	"purser/pool"
	"purser/proxy/upstream"
	"purser/restart"
	"purser/spawn"
	"purser/spawn/keeper"
)

// Adopt makes the app's group go on where it was when the front before crashed, with the processes that live. Nothing
// happens to it before GoOn.
func (a *App) Adopt(note pool.Note, from *estate) error {
	a.life.Lock()
	defer a.life.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.openLog(a.conf); err != nil { // which is no reason not to serve what served before
		a.shared.log.Error("cannot write what an app prints to its log, so it goes to stderr until the next reload", "app", a.conf.Name, "error", err)
		elsewhere := a.conf
		elsewhere.Log = "stderr"
		if err := a.openLog(elsewhere); err != nil {
			return refusal(err)
		}
		a.astray = true
	}
	a.editions = newEditions(a.editionsOf(note, from), a.shared.log.With("app", a.conf.Name), a.noteEdition)
	a.restarts = a.shared.deployer.Add(a.conf, a.print)
	a.missed = conf.CompareApps(&a.editions.all[a.editions.newest].app, &a.conf).Restart
	if len(a.missed) > 0 {
		a.editions.add(a.edition(a.conf))
	}
	a.restarts.Change(a.conf, a.editions.newest)
	find := func(o pool.Order, ready bool) pool.Child {
		a.editions.adoptSource(o, from)
		living, there := from.take(o)
		if !there {
			return nil
		}
		began, there := a.editions.adopt(o, living, from, ready)
		switch {
		case !there:
			return nil
		case o.Worker != "":
			return worker{began.Child, began.of, began.left}
		}
		a.restarts.Adopted(restart.Process{Number: o.Process, PID: began.PID(), Generation: o.Generation, Release: o.Release.Path, Began: began.Ready()}, began)
		return began
	}
	a.group = a.shared.pool.Adopt(a.conf, note, find, a.restarts.Noting(a.editions.spawn))
	a.shared.deployer.SetPaused(a.conf.Name, a.group.Paused())
	a.restarts.Watch()
	return nil
}

// GoOn has an app that was adopted do what is to be done by now. If the front before had read keys that processes are
// started with, and crashed before the restart began that brings them, it begins now.
func (a *App) GoOn() error {
	a.group.GoOn()
	if len(a.missed) == 0 {
		return nil
	}
	_, _, err := a.Reconfigure(a.missed)
	return err
}

// adopt takes over a process that was ordered by the front before.
func (e *editions) adopt(o pool.Order, living keeper.Inheritee, from *estate, ready bool) (child, bool) {
	of := e.take(o.Config)
	c, err := of.spawner.Adopt(context.Background(), living, from.left)
	if err != nil && ready {
		e.log.Warn("a process of the front before cannot be taken over, so it is ended", "process", o.Process, "pid", living.Process.PID(), "error", err)
	}
	if c == nil {
		e.leave(of)
		return child{}, false
	}
	if o.Worker != "" {
		return child{Child: c, of: of.spawner, left: func() { e.leave(of) }}, true
	}
	for _, folder := range c.Folders() {
		from.folders[folder] = true
	}
	return child{c, upstream.Owned(c.Network(), c.Address(), c.Owner()), of.spawner, func() { e.leave(of) }}, true
}

// adoptSource takes over the fork source of the generation of which the front before has ordered a process. Of two the
// later one goes on, as the front before was about to end the other.
func (e *editions) adoptSource(o pool.Order, from *estate) {
	spawner := e.take(o.Config)
	defer e.leave(spawner)
	for _, living := range from.sources(o.App) {
		if folder, wanted := spawner.spawner.AdoptSource(spawnOrder(o), living, from.left); wanted {
			delete(from.children, living.Name)
			from.folders[folder] = true
			return
		}
	}
}

// editionsOf are the configurations that the processes and restarts of the front before had.
func (a *App) editionsOf(note pool.Note, from *estate) map[int]*edition {
	all := map[int]*edition{}
	for number := range note.Configs() {
		app := a.conf
		if text := from.left.Notes[editionNote(a.conf.Name, strconv.Itoa(number))]; len(text) > 0 {
			var noted conf.App // one of its own: what is read into a copy of another changes the other's maps, too
			if err := json.Unmarshal(text, &noted); err == nil {
				app = noted
			} else {
				a.shared.log.Warn("cannot read with which configuration processes were started, so the newest takes its place", "app", a.conf.Name, "error", err)
			}
		}
		all[number] = a.edition(app)
	}
	return all
}

const editionNotes = "edition/"

func editionNote(app, number string) string { return editionNotes + app + "#" + number }

// noteHalted has later fronts know how an app is configured of which nothing runs: they cannot find that out of its
// folder if it is away. It is called with mu held.
func (a *App) noteHalted() { a.noteEdition(0, &a.conf) }

// noteEdition has later fronts know what processes are started with.
func (a *App) noteEdition(number int, app *conf.App) {
	var text []byte
	var err error
	if app != nil {
		text, err = json.Marshal(app)
	}
	if err == nil {
		err = a.shared.keeper.Note(editionNote(a.conf.Name, strconv.Itoa(number)), text)
	}
	if err != nil {
		a.shared.log.Warn("cannot note what processes are started with, should this front crash", "app", a.conf.Name, "error", err)
	}
}

// sources are the fork sources of an app that nobody has adopted, the latest first.
func (e *estate) sources(app string) (all []keeper.Inheritee) {
	for name, child := range e.children {
		if strings.HasPrefix(name, spawn.SourcePrefix(app)) {
			all = append(all, child)
		}
	}
	slices.SortFunc(all, func(a, b keeper.Inheritee) int { return strings.Compare(b.Name, a.Name) })
	return all
}
