package deploy

import (
	"purser/conf"
	"purser/pool"
)

// This file is what operators want of an app, whatever its configuration says, and over purser's own restart.

// A Scale is the size that an operator has given an app. It holds until the configuration has another size than
// it had then.
type Scale struct {
	Processes int `json:"processes"`
	Min       int `json:"min"` // of the configuration
	Max       int `json:"max"`
}

// Scaled returns app with the size that an operator has given it, if that still holds.
func (d *Deployer) Scaled(app conf.App) conf.App {
	d.memo.mu.Lock()
	defer d.memo.mu.Unlock()
	scale, scaled := d.memo.known.Scaled[app.Name]
	if scaled && scale.Min == app.MinProcesses && scale.Max == app.MaxProcesses {
		app.MinProcesses, app.MaxProcesses = scale.Processes, scale.Processes
	}
	return app
}

// Scale keeps that an operator has given an app so many processes; app is as its configuration has it.
func (d *Deployer) Scale(app conf.App, processes int) {
	d.memo.change(func(k *known) (changed bool) {
		if k.Scaled == nil {
			k.Scaled = map[string]Scale{}
		}
		k.Scaled[app.Name] = Scale{processes, app.MinProcesses, app.MaxProcesses}
		return true
	})
}

// Unscale forgets the sizes of apps that have another in their configuration by now, or that there are no more.
func (d *Deployer) Unscale(apps []conf.App) {
	holds := map[string]Scale{}
	for _, app := range apps {
		holds[app.Name] = Scale{Min: app.MinProcesses, Max: app.MaxProcesses}
	}
	d.memo.change(func(k *known) (changed bool) {
		for name, scale := range k.Scaled {
			if now, there := holds[name]; !there || now.Min != scale.Min || now.Max != scale.Max {
				delete(k.Scaled, name)
				changed = true
			}
		}
		return changed
	})
}

// The apps of which an operator wants something until he says otherwise.

func stopped(k *known) *map[string]bool    { return &k.Stopped }
func paused(k *known) *map[string]bool     { return &k.Paused }
func maintained(k *known) *map[string]bool { return &k.Maintained }

// IsStopped reports whether an operator has stopped an app.
func (d *Deployer) IsStopped(app string) bool { return d.memo.has(app, stopped) }

// SetStopped keeps that an operator has stopped an app, or started it again.
func (d *Deployer) SetStopped(app string, is bool) { d.memo.set(app, stopped, is) }

// IsPaused reports whether an operator has paused an app.
func (d *Deployer) IsPaused(app string) bool { return d.memo.has(app, paused) }

// SetPaused keeps that an operator has paused an app, or has it go on.
func (d *Deployer) SetPaused(app string, is bool) { d.memo.set(app, paused, is) }

// IsMaintained reports whether an operator has an app be in maintenance.
func (d *Deployer) IsMaintained(app string) bool { return d.memo.has(app, maintained) }

// SetMaintained keeps that an operator has an app be in maintenance, or serve again.
func (d *Deployer) SetMaintained(app string, is bool) { d.memo.set(app, maintained, is) }

// Forget forgets what an operator wants of an app, which is gone. Should there be one of its name again, it is another.
func (d *Deployer) Forget(app string) {
	for _, of := range []func(*known) *map[string]bool{stopped, paused, maintained} {
		d.memo.set(app, of, false)
	}
}

func (m *memo) has(app string, of func(*known) *map[string]bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return (*of(&m.known))[app]
}

func (m *memo) set(app string, of func(*known) *map[string]bool, is bool) {
	m.change(func(k *known) (changed bool) {
		all := of(k)
		if changed = (*all)[app] != is; !changed {
			return false
		}
		if *all == nil {
			*all = map[string]bool{}
		}
		if (*all)[app] = true; !is {
			delete(*all, app)
		}
		return true
	})
}

// change keeps what an operator wants.
func (m *memo) change(how func(*known) (changed bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if how(&m.known) {
		m.keep()
	}
}

// Past is what is known of an app from before.
func (d *Deployer) Past(app string) pool.Past { return d.memo.of(app) }
