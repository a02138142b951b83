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

// IsStopped reports whether an operator has stopped an app.
func (d *Deployer) IsStopped(app string) bool {
	d.memo.mu.Lock()
	defer d.memo.mu.Unlock()
	return d.memo.known.Stopped[app]
}

// SetStopped keeps that an operator has stopped an app, or started it again.
func (d *Deployer) SetStopped(app string, stopped bool) {
	d.memo.change(func(k *known) (changed bool) {
		if changed = k.Stopped[app] != stopped; !changed {
			return false
		}
		if k.Stopped == nil {
			k.Stopped = map[string]bool{}
		}
		if k.Stopped[app] = true; !stopped {
			delete(k.Stopped, app)
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
