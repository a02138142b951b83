package serve

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"purser/conf"
)

// This file is about a configuration with apps that cannot be served: their folder, their kind, their user or their log
// is bad. The rest of it holds all the same. Such an app that is new is kept apart, as at the start, and tried again;
// one that serves goes on as it was configured before.

// isOfAll reports whether something is wrong that concerns all apps, so that nothing of a configuration can be used.
func isOfAll(err error) bool {
	problem, is := errors.AsType[conf.Problem](err)
	return is && len(problem.Key) > 0 && problem.Key[0] == "server"
}

// tryApps finds out whether apps could be started, or go on, with what is another than before.
func (p *purser) tryApps(c *change, found []conf.App, now map[string]conf.App) {
	p.disks.consider(c.conf.Server, found)
	rules := p.Log.Rules(c.conf.Server, c.conf.Apps)
	for _, to := range found {
		if c.wrong[to.Name] != nil || c.unserved[to.Name] || reflect.DeepEqual(to, now[to.Name]) {
			continue
		}
		if err := newApp(&p.shared, to).Check(to, rules); err != nil {
			c.wrong[to.Name] = err
		}
	}
}

// keepBad has apps that serve go on as they were configured, with which they could not be served as they are now. What
// they keep, such as a host, may be what another is to have: then nothing of the configuration can be used.
func (p *purser) keepBad(c *change, found []conf.App, now map[string]conf.App) error {
	for i, app := range found {
		why, running := c.wrong[app.Name], slices.IndexFunc(p.running.Apps, func(was conf.App) bool { return was.Name == app.Name })
		before, serves := now[app.Name]
		if why == nil || !serves || running < 0 || c.unserved[app.Name] {
			continue
		}
		found[i], c.conf.Apps[i], c.raw[app.Name] = before, p.running.Apps[running], p.raw[app.Name]
		c.kept[app.Name] = why
		delete(c.wrong, app.Name)
	}
	if len(c.kept) == 0 {
		return nil
	}
	if err := c.conf.Validate(); err != nil {
		return refusal(errors.Join(append(slices.Collect(maps.Values(c.kept)), err)...))
	}
	return nil
}

// problems are what is wrong with single apps, by their names.
func (c *change) problems() (all []string) {
	for _, app := range c.conf.Apps {
		if why := c.wrong[app.Name]; why != nil {
			all = append(all, fmt.Sprintf("%s cannot be served, and is tried again: %s", app.Name, newUnserved(app.Name, why).text))
		}
		if why := c.kept[app.Name]; why != nil {
			all = append(all, fmt.Sprintf("%s goes on with its configuration from before: %s", app.Name, newUnserved(app.Name, why).text))
		}
	}
	return all
}

// changeUnserved has an app be served that could not be, if it can be now. That it cannot is no reason not to have the
// others go by what they were told.
func (p *purser) changeUnserved(c *change, a *App) error {
	name := a.Conf().Name
	switch to, why := c.apps[name], c.wrong[name]; {
	case why != nil:
		a.StayUnserved(to, why)
	case !p.shared.deployer.IsStopped(name):
		return a.StartAs(to)
	}
	return nil
}
