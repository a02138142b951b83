package serve

import (
	"maps"
	"slices"

	"purser/conf"
	"purser/restart/disk/helper"
	"purser/spawn"
	"purser/spawn/keeper"
)

// grant has the front start what belongs to an app.
func (r *reader) grant(app *conf.App) {
	granted := spawn.Grants(*app, r.runtime)
	app.Grants = map[string]uint32{}
	for _, name := range slices.Sorted(maps.Keys(granted)) {
		app.Grants[name] = r.add(granted[name])
	}
}

// add gives a grant its number.
func (r *reader) add(g keeper.Grant) uint32 {
	r.grants.All = append(r.grants.All, g)
	return r.next + uint32(len(r.grants.All)) - 1
}

// grantHelpers has the front start the helper of each user who has apps, for what the configuration names.
func (r *reader) grantHelpers(found []finding, own map[string]uint32) {
	var apps []conf.App
	for _, one := range found {
		if one.Wrong == "" {
			apps = append(apps, one.App)
		}
	}
	d := disks{logs: logsOf(r.Conf.Server, apps)}
	granted, users := map[string][]helper.Grants{}, map[string]*conf.Account{}
	for _, app := range apps {
		key := helperGrant(helperUser(app.RunsAs))
		granted[key], users[key] = append(granted[key], d.grantsOf(app)), app.RunsAs
	}
	for _, key := range slices.Sorted(maps.Keys(granted)) {
		u := users[key]
		own[key] = r.add(keeper.Grant{
			User: new(keeper.User(spawn.UserOf(u))), Path: helperBinary, Dir: "/", Args: append([]string{helper.Name}, helper.Arguments(granted[key]...)...), Env: helperEnv(),
		})
	}
}

func helperUser(a *conf.Account) helper.User { return helper.User(spawn.UserOf(a)) }

// grantOwn has the front start what belongs to no app.
func (r *reader) grantOwn(found []finding) map[string]uint32 {
	own := map[string]uint32{}
	r.grantHelpers(found, own)
	if command := r.Conf.Server.ACME.DNSExec; r.Conf.Server.ACME.On && len(command) > 0 {
		if g, found := spawn.DNSGrant(command, r.grants.Front); found {
			own[dnsGrant] = r.add(g)
		}
	}
	return own
}
