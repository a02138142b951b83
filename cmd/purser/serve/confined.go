package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
	"purser/proxy/certs"
	"purser/restart/disk"
	"purser/restart/disk/helper"
	"purser/spawn/keeper"
	"purser/status"
)

// This file is what a front does otherwise that is another user than who has started purser: what it may not read and
// open, a reader has read and opened for it (Read).

// given is what the last reading has given to the front; nil = it reads and opens everything itself.
type given struct {
	sources   []conf.Source
	apps      map[string]finding
	texts     certs.Files       // of certificates
	passwords map[string][]byte // files of users
	own       map[string]uint32
	closed    map[string]string // logs of apps that could not be opened again, and why
}

// givenBy takes what is held by a reading.
func givenBy(held map[string]*os.File) (g *given, err error) {
	g = &given{apps: map[string]finding{}}
	var found []finding
	for name, to := range map[string]any{readConfig: &g.sources, readApps: &found, readCertificates: &g.texts, readPasswords: &g.passwords, readGrants: &g.own, readLogs: &g.closed} {
		if wrong := readHeld(held[name], to); wrong != nil {
			err = errors.Join(err, fmt.Errorf("cannot read what the configuration was found to be (%s): %w", name, wrong))
		}
	}
	for _, one := range found {
		g.apps[one.App.Name] = one
	}
	return g, err
}

// readHeld reads what holdJSON has held; of what is not held, nothing.
func readHeld(file *os.File, to any) error {
	if file == nil {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<62))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// takeGiven takes what the reading before this front has given, if it may not read the configuration itself.
func (p *purser) takeGiven() (err error) {
	if !p.Keeper.Confined() {
		return nil
	}
	p.given, err = givenBy(p.Left.Held)
	p.Log.OpenedBy(func(path string) int { return twinFD(p.Left.Held[logPrefix+path]) })
	return err
}

// twinFD is another descriptor of a file, -1 if there is none.
func twinFD(file *os.File) int {
	if file == nil {
		return -1
	}
	twin, err := disk.Twin(file)
	if err != nil {
		return -1
	}
	return twin
}

// look fills in what is found out of the folder of an app as it is written, by this front or by the reading.
func (p *purser) look(of *conf.Config, app conf.App) (conf.App, error) {
	if p.given == nil {
		found, err := Detect(of, []conf.App{app})
		return found[0], err
	}
	return p.given.look(app)
}

func (g *given) look(app conf.App) (conf.App, error) {
	one, known := g.apps[app.Name]
	switch {
	case !known:
		return app, refusal(fmt.Errorf("cannot serve app %q: it is not known as whom it runs", app.Name))
	case one.Wrong != "":
		return app, refusal(errors.New(one.Wrong))
	}
	return one.App, nil
}

// userNow is an app whose table is as it was, as what it is now: its files may be another's, and then it is started by
// other grants. Where that is not known, it stays as it is.
func (g *given) userNow(app conf.App) conf.App {
	if now, err := g.look(app); err == nil {
		app.RunsAs, app.Grants = now.RunsAs, now.Grants
	}
	return app
}

// certificatesOf is LoadCertificates, by what the reading has given if there was one.
func (p *purser) certificatesOf(cfg *conf.Config) (*certs.Store, []certs.Warning, error) {
	if p.given == nil {
		return LoadCertificates(cfg)
	}
	return givenCertificates(cfg, p.given.texts)
}

// readAgain reads the configuration again, or has it read.
func (p *purser) readAgain(file string) (*conf.Config, error) {
	if p.given == nil {
		return p.Load(file, nil)
	}
	if file != "" {
		return nil, refusal(errors.New("this purser was started by root, and reads no other file than that which it was started with"))
	}
	p.closedLogs = news{} // who reloads is told again
	if err := p.haveRead(); err != nil {
		return nil, err
	}
	return p.Load("", p.given.sources)
}

// haveRead has a reader read the configuration, and takes what it has opened.
func (p *purser) haveRead() error {
	var held map[string]*os.File
	err := whileBusy(context.Background(), func(context.Context) (err error) {
		p.reading.Lock()
		defer p.reading.Unlock()
		held, err = p.Keeper.Read()
		return err
	})
	if err != nil {
		if refused, is := errors.AsType[keeper.NotRead](err); is {
			return refusal(errors.New(strings.ReplaceAll(strings.TrimPrefix(refused.Text, "purser: "), "\npurser: ", "\n")))
		}
		return err
	}
	next, err := givenBy(held)
	if err != nil {
		return err
	}
	for _, path := range p.closedLogs.of(next.closed) {
		p.Log.Error("cannot open a log again, going on with the old file", "log", path, "error", next.closed[path])
	}
	p.sockets.held.give(held)
	p.mu.Lock()
	p.given = next
	p.mu.Unlock()
	return nil
}

// unread goes back to the reading before, as the configuration is not gone by that was read since.
func (p *purser) unread(before *given) {
	if before == nil {
		return
	}
	p.mu.Lock()
	p.given = before
	p.mu.Unlock()
	p.sockets.held.dropRest()
	p.useGrants()
}

// useGrants has the keeper forget the grants that nothing runs by any more. It is called with the turn.
func (p *purser) useGrants() {
	if p.given == nil {
		return
	}
	p.mu.Lock()
	numbers := slices.Collect(maps.Values(p.given.own))
	apps := slices.Clone(p.apps)
	for _, d := range p.leaving {
		apps = append(apps, d.app)
	}
	p.mu.Unlock()
	for _, a := range apps {
		numbers = append(numbers, a.grants()...)
	}
	p.complain("the keeper cannot be told what is used", p.Keeper.Use(numbers))
}

// grants are the numbers of all that may be run for the app, by any of its configurations that are used.
func (a *App) grants() []uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	numbers := slices.Collect(maps.Values(a.conf.Grants))
	if a.editions != nil {
		numbers = append(numbers, a.editions.grants()...)
	}
	return numbers
}

func (e *editions) grants() (numbers []uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.all {
		numbers = slices.AppendSeq(numbers, maps.Values(one.app.Grants))
	}
	for one := range e.retired {
		numbers = slices.AppendSeq(numbers, maps.Values(one.app.Grants))
	}
	return numbers
}

// rereadCertificates has certificates read that have changed, with the rest of the configuration, which is not gone by.
func (p *purser) rereadCertificates() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.over {
		return
	}
	before := p.given
	defer p.unread(before)
	err := p.haveRead()
	if err == nil {
		var store *certs.Store
		if store, _, err = givenCertificates(p.running, p.given.texts); err == nil && store != nil {
			p.certificates.Replace(store)
			p.holdCertificates()
			p.Log.Info("certificates are read again")
		}
	}
	p.complain("changed certificates cannot be used, those from before stay", err)
}

// confinedClaim is the claim of a front for which the reader has made it. What is in its folder is the keeper's matter.
func confinedClaim(name string) *claim {
	return &claim{folder: filepath.Join(status.RuntimeDir(), name), kept: true}
}

// ownGrants stands for an app where what is run belongs to none.
func (p *purser) ownGrants() (none conf.App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given != nil {
		none.Grants = p.given.own
	}
	return none
}

// whereFound is where the reader has found the folder of an app whose user may not enter it, "" if he may.
func (p *purser) whereFound(app string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.given.apps[app].Real
}

// forkHelper has the keeper start the helper of a user, as the reader has granted it: what that may touch is not for
// this front to say.
func (p *purser) forkHelper(u helper.User, files [3]uintptr) (helper.Process, error) {
	p.mu.Lock()
	number := p.given.own[helperGrant(u)]
	p.mu.Unlock()
	if number == 0 {
		return nil, errors.New("nothing is granted to that user")
	}
	process, err := p.Keeper.Fork(keeper.Program{Grant: number, Files: files})
	if err != nil {
		return nil, err
	}
	return process, nil
}

// helperGrant is what the helper of a user is granted by.
func helperGrant(u helper.User) string { return fmt.Sprint("helper/", u.UID, ":", u.GID, u.Groups) }

// readFile reads a file that the configuration names, or returns what the reading has found in it.
func (p *purser) readFile(path string) ([]byte, error) {
	if p.given == nil {
		return conf.ReadFile(path)
	}
	return readerOf(p.given.texts)(path)
}

// readerOf reads what a reading has found in files.
func readerOf(texts map[string][]byte) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, known := texts[path]
		if !known {
			return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrPermission}
		}
		return text, nil
	}
}
