package serve

import (
	"errors"
	"net"
	"reflect"
	"slices"

	"purser/conf"
	"purser/pool"
	"purser/proxy/certs"
	"purser/proxy/passwords"
)

// A change is a configuration that purser is to go by, and what has been made for it.
type change struct {
	conf *conf.Config // as it was read, but for what only another purser goes by
	raw  map[string]conf.App
	diff conf.Difference
	apps map[string]conf.App // as spawn.Detect returned them

	unserved map[string]bool  // apps that could not be served before
	wrong    map[string]error // why apps cannot be served: of those, and of new ones
	kept     map[string]error // why apps that serve go on with their configuration from before

	added      []*App
	rebuilding rebuilding
	certs      *certs.Store // nil without https
	passwords  map[string]*passwords.List
	warnings   []certs.Warning
	metrics    []net.Listener // if they are elsewhere
	issuance   *issuance      // nil = no authority is asked
}

// read reads the files, and says what is another in them.
func (p *purser) read(file string) (*change, error) {
	loaded, err := p.readAgain(file)
	if err != nil {
		return nil, err
	}
	c := &change{conf: p.sized(loaded), raw: byName(loaded.Apps), apps: map[string]conf.App{}, unserved: map[string]bool{}, wrong: map[string]error{}, kept: map[string]error{}}
	now := &conf.Config{Server: p.running.Server}
	for _, a := range p.apps {
		now.Apps = append(now.Apps, a.Conf())
	}
	next := &conf.Config{Server: c.conf.Server}
	before := byName(now.Apps)
	if next.Apps, err = p.detect(c, before); err != nil {
		return nil, err
	}
	p.tryApps(c, next.Apps, before)
	if err := p.keepBad(c, next.Apps, before); err != nil {
		return nil, err
	}
	for _, app := range next.Apps {
		c.apps[app.Name] = app
	}
	c.diff = conf.Compare(now, next)
	if err := p.ownFront(c.conf); err != nil {
		return nil, err
	}
	c.conf.Server.Keep(&p.running.Server)
	return c, nil
}

// detect fills in what is found out of the folders of apps, and why some cannot be served. Those whose tables are as
// they were are not looked at again, unless their files are another's by now: a folder that cannot be used just now is no
// reason to leave the others as they are.
func (p *purser) detect(c *change, now map[string]conf.App) (found []conf.App, err error) {
	var ofAll []error
	for _, app := range c.conf.Apps {
		anew, err := p.detectOne(c, now, app)
		if isOfAll(err) {
			ofAll = append(ofAll, err)
		} else if err != nil {
			c.wrong[app.Name] = err
		}
		found = append(found, anew)
	}
	return withinCap(c.conf.Server, c.conf.Apps, found), errors.Join(ofAll...)
}

func (p *purser) detectOne(c *change, now map[string]conf.App, app conf.App) (conf.App, error) {
	before, there := p.raw[app.Name]
	running, runs := now[app.Name]
	if a := p.app(app.Name); a != nil && a.Unserved() != nil {
		c.unserved[app.Name] = true
	} else if there && runs && reflect.DeepEqual(before, c.raw[app.Name]) {
		running = withSize(running, p.shared.deployer.Scaled(before), app) // which fits no more
		same, err := p.withUserNow(c.conf, withSize(running, before, app))
		if err != nil || sameUser(same.RunsAs, running.RunsAs) {
			return same, err
		}
	}
	anew, err := p.look(c.conf, c.raw[app.Name])
	return withSize(anew, c.raw[app.Name], app), err
}

// sized is a configuration with the sizes that operators have given apps, unless they do not fit any more.
func (p *purser) sized(loaded *conf.Config) *conf.Config {
	sized, scaled := *loaded, false
	sized.Apps = slices.Clone(loaded.Apps)
	for i, app := range sized.Apps {
		sized.Apps[i] = p.shared.deployer.Scaled(app)
		scaled = scaled || !sameSize(sized.Apps[i], app)
	}
	if !scaled {
		return &sized
	}
	if err := sized.Validate(); err != nil {
		p.Log.Warn("the sizes that purser scale has set do not fit the configuration, so that goes", "error", err)
		sized.Apps = slices.Clone(loaded.Apps)
	}
	return &sized
}

func byName(apps []conf.App) map[string]conf.App {
	all := make(map[string]conf.App, len(apps))
	for _, app := range apps {
		all[app.Name] = app
	}
	return all
}

// prepare opens what the change needs, or nothing.
func (p *purser) prepare(c *change) (err error) {
	if c.certs, c.warnings, err = p.certificatesOf(c.conf); err != nil {
		return err
	}
	if c.passwords, err = p.passwordsOf(c.conf); err != nil {
		return err
	}
	for _, d := range c.diff.Apps {
		if d.New {
			c.added = append(c.added, newApp(&p.shared, c.apps[d.Name]))
		}
	}
	rules := p.Log.Rules(c.conf.Server, c.conf.Apps)
	if err := rules.Refusal(c.conf.Apps); err != nil {
		return refusal(err)
	}
	if err := rules.Try(c.conf.Server.AccessLog); err != nil {
		return refusal(err)
	}
	if c.rebuilding, err = rebuild(p.doors, c.conf.Server.Listen, p.sockets); err != nil {
		return err
	}
	if c.issuance, err = p.newIssuance(c.conf, c.certs, c.rebuilding.doors); err == nil && c.movesMetrics() {
		c.metrics, err = p.sockets.openMetrics(c.conf.Server.Metrics)
	}
	if err != nil {
		c.drop()
	}
	return err
}

// drop closes what was opened for a change that does not come.
func (c *change) drop() {
	closeDoors(c.rebuilding.opened)
	closeAll(c.metrics)
}

// awaitPlaces returns when nothing is left of apps that go and have the names of new ones, or with an error as purser
// stops.
func (p *purser) awaitPlaces(c *change) error {
	for _, a := range c.added {
		p.awaitDeparture(a.Conf().Name)
	}
	if p.stopping.Err() != nil {
		c.drop()
		return pool.ErrClosed
	}
	return nil
}

// changed are the apps that are new or another way than before, by name, but for those that cannot be served.
func (c *change) changed() (apps []conf.App) {
	for _, d := range c.diff.Apps {
		if !d.Gone && c.wrong[d.Name] == nil {
			apps = append(apps, c.apps[d.Name])
		}
	}
	return apps
}

// unsized are the apps as their files have them.
func (c *change) unsized() (all []conf.App) {
	for _, app := range c.raw {
		all = append(all, app)
	}
	return all
}
