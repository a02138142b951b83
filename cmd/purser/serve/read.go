package serve

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"purser/conf"
	"purser/conf/access"
	"purser/spawn"
	"purser/spawn/keeper"
	"purser/status"
)

// This file is the reader of a purser that root has started: a process that lives as long as it takes to read the
// configuration, and to open what only root may. The front gets all of that from the keeper, and serves as a user who
// may do nothing else.

// What a reader has the keeper hold for the front, beside sockets.
const (
	readPrefix       = "read/"
	readConfig       = readPrefix + "config"       // the files of the configuration, as they were read
	readApps         = readPrefix + "apps"         // the apps, with what was found out of their folders
	readCertificates = readPrefix + "certificates" // what the files of certificates hold
	readPasswords    = readPrefix + "passwords"    // what the files of users hold
	readGrants       = readPrefix + "grants"       // the numbers of what may be run for no app
	readLogs         = readPrefix + "logs"         // why logs of apps could not be opened
	logPrefix        = "log/"
	readOneApp       = readPrefix + "app" // one app, which is about to restart
	dnsGrant         = "hook/dns_exec"
)

// A finding is an app as a reader has found it.
type finding struct {
	App   conf.App
	Wrong string // why it cannot be served; "" = it can
	Real  string // the path of its folder without links, if its user may not enter that
}

// appsOf are the apps of findings, with those that cannot be served.
func appsOf(found []finding) (apps []conf.App) {
	for _, one := range found {
		apps = append(apps, one.App)
	}
	return apps
}

// Read reads the configuration for the front, which is another user. If the configuration says that it is root,
// nothing is to be done for it.
func Read(c Config) error {
	defer c.Log.Close()
	r := &reader{Config: c, first: c.Left.Fronts == 0, next: c.Left.Granted + 1}
	if c.Left.Only != "" {
		return r.readOnly(c.Left.Only)
	}
	grants := keeper.Grants{First: r.next}
	if found, err := r.findApps(); err != nil {
		return err
	} else if err = r.chooseFront(found); err != nil {
		return err
	} else if r.front != nil {
		if grants, err = r.read(found); err != nil {
			return err
		}
	}
	return c.Keeper.Grant(grants)
}

// A reader is what Read runs.
type reader struct {
	Config
	first   bool // no front was there before
	front   *conf.Account
	next    uint32 // number of the next grant
	grants  keeper.Grants
	held    *holdings
	runtime string // the folder of this purser
}

func (r *reader) read(found []finding) (keeper.Grants, error) {
	r.held = &holdings{keeper: r.Keeper, left: r.Left.Held}
	r.runtime = filepath.Join(status.RuntimeDir(), r.Name)
	steps := []func() error{func() error { return trusts(r.Conf, r.front) }, func() error { r.distrust(found); return r.serveAny(found) }, r.keepState, r.claim, r.openSockets, func() error { return r.openLogs(found) }, r.holdCertificates, r.holdPasswords}
	for _, step := range steps {
		if err := step(); err != nil {
			return r.grants, err
		}
	}
	if err := r.grantApps(found); err != nil {
		return r.grants, err
	}
	return r.grants, errors.Join(holdJSON(r.Keeper, readGrants, r.grantOwn(found)), holdJSON(r.Keeper, readApps, found), holdJSON(r.Keeper, readConfig, r.Conf.Sources))
}

// grantApps says who serves, and has him start apps that can be served.
func (r *reader) grantApps(found []finding) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	r.grants.First, r.grants.Runtime, r.grants.Binary = r.next, r.runtime, strings.TrimSuffix(binary, " (deleted)")
	r.grants.Front = new(keeper.User(spawn.UserOf(r.front)))
	r.grants.Env = []string{"HOME=" + r.front.Home, "USER=" + r.front.User, "LOGNAME=" + r.front.User, "SHELL=" + r.front.Shell,
		"RUNTIME_DIRECTORY=" + status.RuntimeDir(), "STATE_DIRECTORY=" + filepath.Dir(stateFile(r.Name))}
	for i := range found {
		if found[i].Wrong == "" {
			r.grant(&found[i].App)
		}
	}
	return nil
}

// findApps looks into the folders of apps. What is wrong with one is the front's to judge: it may be an app that runs as
// it is, and it keeps none of the others from being served.
func (r *reader) findApps() (all []finding, err error) {
	all = make([]finding, len(r.Conf.Apps))
	access.Beside(len(all), func(i int) { all[i] = findApp(r.Conf, r.Conf.Apps[i]) })
	return all, r.serveAny(all)
}

func findApp(of *conf.Config, app conf.App) finding {
	found, err := Detect(of, []conf.App{app})
	if err != nil {
		return finding{App: found[0], Wrong: err.Error()}
	}
	one := finding{App: found[0]}
	one.Real, _ = access.Look(app.Root, func() (real string) { // or it is found later
		if spawn.ClosedTo(one.App) != nil {
			real, _ = filepath.EvalSymlinks(app.Root)
		}
		return real
	})
	return one
}

// serveAny refuses to begin if none of the apps can be served.
func (r *reader) serveAny(found []finding) error {
	if !r.first {
		return nil
	}
	var wrong []error
	for _, one := range found {
		if one.Wrong == "" {
			return nil
		}
		wrong = append(wrong, errors.New(one.Wrong))
	}
	return allUnserved(wrong)
}
