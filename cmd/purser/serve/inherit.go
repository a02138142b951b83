package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
	"purser/pool"
	"purser/spawn"
	"purser/spawn/keeper"
)

// This file is how a front goes on where the one before was, which has crashed: it finds the sockets, the
// configuration, the groups as they were, and the processes, which serve on.

// Inherit returns the keeper that has started this front, and what those before have left. In an upgrade the one before
// serves until this one says that it could: prepare does what can be done by then.
func Inherit(prepare func(keeper.Inheritance) error) (*keeper.Keeper, keeper.Inheritance, error) {
	k, left, err := keeper.Inherit()
	if err != nil || !left.Candidate {
		return k, left, err
	}
	if err := prepare(left); err != nil {
		return nil, left, fmt.Errorf("cannot take the place of what serves: %w", err)
	}
	left.Close()
	left, err = k.Prepared()
	return k, left, err
}

// Prepare says why a configuration cannot be served, as far as that can be found out beside a front that serves.
func Prepare(cfg *conf.Config, left keeper.Inheritance) error {
	p := purser{Config: Config{Conf: cfg, Left: left}}
	if left.Confined {
		var err error
		if p.given, err = givenBy(left.Held); err != nil {
			return err
		}
	}
	from := newEstate(left)
	_, wrong := from.detect(cfg, p.look)
	for i, app := range cfg.Apps {
		if _, serves, _ := from.group(app.Name); serves && wrong[i] != nil {
			return errors.Join(wrong...)
		}
	}
	used, _ := usedBefore(left) // that it is not known is said when this front serves
	_, _, unusable := p.certificatesAgain(used)
	_, unknown := p.passwordsOf(cfg)
	return errors.Join(unusable, unknown)
}

// inherit takes over the sockets and the lock of the claim.
func (p *purser) inherit() {
	held := &holdings{keeper: p.Keeper, left: p.Left.Held, ours: p.Left.Fronts == 0}
	p.sockets = sockets{held: held, passed: takePassed(held)}
	before := (*toll)(nil)
	p.toll, before = openToll(held)
	p.Log.CountIn(p.toll.waiting)
	switch {
	case p.Left.Upgraded: // the one before goes on counting
		p.Log.Info("this process takes over from one that finishes what it has", "from", p.Left.Version, "to", p.Version, "finishing", len(p.Left.Borrowers))
	case p.Left.Fronts > 0:
		requests, lines := p.toll.charge(before)
		p.Log.Warn("the process that served before has ended, and this one takes its place; what was under way is lost", "before", p.Left.Fronts, "requests", requests, "log-lines", lines)
	}
}

const (
	heldConfig = "config"
	groupNote  = "group/"
)

// Sources is what the configuration was read from that the front before went by, nil if there is none.
func Sources(left keeper.Inheritance) (sources []conf.Source, err error) {
	file := left.Held[heldConfig]
	if file == nil {
		file = left.Held[readConfig]
	}
	if err = readHeld(file, &sources); err != nil {
		return nil, fmt.Errorf("cannot read the configuration that the front before has left: %w", err)
	}
	return sources, nil
}

// holdConfig has the next front go by the configuration that is the running one now.
func (p *purser) holdConfig(c *conf.Config) {
	p.complain("cannot keep the configuration for the next front, should this one crash", holdJSON(p.Keeper, heldConfig, c.Sources))
}

// wordKeeper has the lines of the keeper look as those of the log.
func (p *purser) wordKeeper(c *conf.Config) {
	p.complain("cannot say in which format the keeper is to log", p.Keeper.LogInJSON(c.Server.LogFormat == "json"))
}

// holdJSON has the keeper hold what is too long for a note.
func holdJSON(k *keeper.Keeper, name string, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	return k.Hold(name, file)
}

// keepNote has the next front know of a group.
func (p *purser) keepNote(app string, n pool.Note) {
	p.complain("cannot note how an app is, so should this front crash, the next does not know", p.Keeper.Note(groupNote+app, n.Text()))
}

// An estate is what the fronts before have left of apps, as long as it is taken over.
type estate struct {
	left     keeper.Inheritance
	children map[string]keeper.Inheritee // that nobody has adopted
	folders  map[string]bool             // that those are in who were
}

func newEstate(left keeper.Inheritance) *estate {
	e := &estate{left: left, children: map[string]keeper.Inheritee{}, folders: map[string]bool{}}
	for _, child := range left.Children {
		e.children[child.Name] = child
	}
	return e
}

// group is how the group of an app was, if there was one.
func (e *estate) group(app string) (n pool.Note, found bool, err error) {
	text := e.left.Notes[groupNote+app]
	if len(text) == 0 {
		return n, false, nil
	}
	n, err = pool.ReadNote(text)
	return n, err == nil, err
}

// detect fills in what is found out of the folders of apps. What the front before has found out stands: that a folder is
// away for a moment is no reason not to serve what serves. As root only one that says as whom the app runs stands. For
// each app that cannot be served it is said why.
func (e *estate) detect(c *conf.Config, look func(*conf.Config, conf.App) (conf.App, error)) (found []conf.App, wrong []error) {
	found, wrong = make([]conf.App, len(c.Apps)), make([]error, len(c.Apps))
	access.Beside(len(found), func(i int) {
		app := c.Apps[i]
		if noted, is := e.newest(app.Name); is && (noted.RunsAs != nil || os.Geteuid() != 0) {
			found[i] = noted
			return
		}
		found[i], wrong[i] = look(c, app)
	})
	return found, wrong
}

// newest is with which configuration an app's processes were to be started last.
func (e *estate) newest(app string) (noted conf.App, found bool) {
	last := -1
	for name, text := range e.left.Notes {
		rest, is := strings.CutPrefix(name, editionNote(app, ""))
		number, err := strconv.Atoi(rest)
		if !is || err != nil || number < last {
			continue
		}
		var at conf.App
		if json.Unmarshal(text, &at) == nil {
			noted, last, found = at, number, true
		}
	}
	return noted, found
}

func (e *estate) take(o pool.Order) (keeper.Inheritee, bool) {
	name := spawn.HandleName(o.App, o.Process)
	child, found := e.children[name]
	delete(e.children, name)
	return child, found
}

// startApps makes the groups of apps go on where they were, and starts the others. None of them does anything before
// all that were are there: they have their room in the pool already. What is wrong with an app keeps none of the others.
func (p *purser) startApps(apps []conf.App, wrong []error, from *estate) error {
	var anew []*App
	var reasons []error // of these
	for i, app := range apps {
		a := newApp(&p.shared, app)
		p.apps = append(p.apps, a)
		if wrong[i] != nil {
			anew, reasons = append(anew, a), append(reasons, wrong[i])
			continue
		}
		note, found, err := from.group(app.Name)
		p.complain("an app is started anew, as it is not known how it was", err)
		if !found {
			anew, reasons = append(anew, a), append(reasons, nil)
		} else if err := a.Adopt(note, from); err != nil {
			return err
		}
	}
	p.endRest(from)
	p.lend(p.Left.Borrowers)
	for _, a := range p.apps {
		if slices.Contains(anew, a) {
			continue
		}
		p.past.history.GoesOn(a.group)
		p.complain("cannot begin the restart that a reload was to begin", a.GoOn())
		if p.shared.deployer.IsStopped(a.Conf().Name) {
			p.halting = append(p.halting, a)
		}
	}
	for i, a := range anew {
		if reasons[i] == nil {
			reasons[i] = p.startAnew(a)
		}
		if reasons[i] != nil {
			a.StartUnserved(reasons[i])
		}
	}
	if p.Left.Fronts > 0 {
		return nil
	}
	return allUnserved(reasons)
}

func (p *purser) startAnew(a *App) error {
	if p.shared.deployer.IsStopped(a.Conf().Name) {
		p.Log.Warn("app is not started, as an operator has stopped it; to start it, run purser start", "app", a.Conf().Name)
		return a.StartStopped()
	}
	return a.Start()
}

// orphanTime is how long processes that are nobody's any more have to end.
const orphanTime = 10 * time.Second

// endRest ends the processes that no app has adopted, and forgets what was noted of apps that are not there.
func (p *purser) endRest(from *estate) {
	for name := range from.left.Notes {
		if app, is := notedApp(name); is && p.app(app) == nil {
			p.complain("cannot forget an app", p.Keeper.Note(name, nil))
		}
	}
	for child := range maps.Values(from.children) {
		p.work.Go(func() {
			endOrphan(p.patience, child)
			spawn.Forget(p.Keeper, child.Name)
		})
	}
}

// notedApp is which app a note is of.
func notedApp(note string) (app string, is bool) {
	if app, is = strings.CutPrefix(note, groupNote); is {
		return app, true
	}
	rest, is := strings.CutPrefix(note, editionNotes)
	app, _, _ = strings.Cut(rest, "#")
	return app, is
}

func endOrphan(patience context.Context, child keeper.Inheritee) {
	limit, cancel := context.WithTimeout(patience, orphanTime)
	defer cancel()
	child.Process.Stop(syscall.SIGTERM)
	select {
	case <-child.Process.Gone():
	case <-limit.Done():
		child.Process.Kill()
		<-child.Process.Gone()
	}
	for _, file := range child.Keep {
		if file != nil {
			file.Close()
		}
	}
}
