package serve

import (
	"maps"
	"slices"

	"purser/conf"
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

// grantOwn has the front start what belongs to no app.
func (r *reader) grantOwn() map[string]uint32 {
	own := map[string]uint32{}
	if command := r.Conf.Server.ACME.DNSExec; r.Conf.Server.ACME.On && len(command) > 0 {
		if g, found := spawn.DNSGrant(command, r.grants.Front); found {
			own[dnsGrant] = r.add(g)
		}
	}
	return own
}
