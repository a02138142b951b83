package serve

import (
	"fmt"
	"net/http"
	"sync"

	"purser/conf"
	"purser/proxy"
	"purser/restart/disk"
	"purser/status"
)

// This file is what keeps visitors from an app that runs: its maintenance, and a pause.

// Maintenances are which apps are in maintenance, and by what: a command, or a file in the app's folder.
type maintenances struct {
	ordered func(app string) bool // by a command

	mu sync.Mutex // guards what follows
	of map[string]*maintenance
}

// A maintenance is that of one app.
type maintenance struct {
	noticed bool // its file is there
	told    proxy.Maintenance
}

// app is what the front goes by. It is the same for as long as there is an app of the name.
func (m *maintenances) app(name string) *proxy.Maintenance {
	return &m.change(name, func(*maintenance) {}).told
}

func (m *maintenances) change(name string, how func(*maintenance)) *maintenance {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.of[name]
	if one == nil {
		if m.of == nil {
			m.of = map[string]*maintenance{}
		}
		one = &maintenance{}
		m.of[name] = one
	}
	how(one)
	one.told.Set(one.noticed || m.ordered(name))
	return one
}

// why is by what an app is in maintenance, "" if it is not.
func (m *maintenances) why(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.of[name]
	switch {
	case m.ordered(name):
		return status.ByCommand
	case one != nil && one.noticed:
		return status.ByFile
	}
	return ""
}

func (m *maintenances) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, name)
}

// noticed takes note of whether the file of an app is there.
func (p *purser) noticed(name string, there bool) {
	p.maintenances.change(name, func(m *maintenance) {
		if m.noticed == there {
			return
		}
		m.noticed = there
		said := "the maintenance file of the app is gone"
		if there {
			said = "the maintenance file of the app is there, so its visitors are told that it is in maintenance"
		}
		p.Log.Info(said, "app", name)
	})
}

// MaintainApp has the visitors of an app be told that it is in maintenance, or be served again. What they have asked
// before is still answered.
func (p *purser) MaintainApp(name string, on bool) error {
	return p.operate(name, func(a *App) error {
		p.shared.deployer.SetMaintained(name, on)
		p.maintenances.change(name, func(*maintenance) {})
		p.Log.Info("app is put in or out of maintenance by an operator", "app", name, "on", on)
		if !on && p.maintenances.why(name) != "" {
			return &status.Error{Status: http.StatusConflict, Code: status.CodeMaintained,
				Message: name + " stays in maintenance, as its file is there; remove it: " + disk.Within(a.Conf().Root, a.Conf().Maintenance.File)}
		}
		return nil
	})
}

// PauseApp has the requests for an app wait in its queue until it is resumed.
func (p *purser) PauseApp(name string) error {
	return p.operate(name, func(a *App) error { return a.pause(true) })
}

// ResumeApp has them be served.
func (p *purser) ResumeApp(name string) error {
	return p.operate(name, func(a *App) error { return a.pause(false) })
}

// pause keeps it for the purser that comes after this one once it has begun, and is forgotten before it has ended.
func (a *App) pause(on bool) error {
	name := a.Conf().Name
	group := a.shared.pool.Group(name)
	if group == nil {
		return &status.Error{Status: http.StatusConflict, Code: status.CodeNoRelease, Message: name + " is not served"}
	}
	if on {
		if err := group.Pause(); err != nil {
			return err
		}
		a.shared.deployer.SetPaused(name, true)
		return nil
	}
	a.shared.deployer.SetPaused(name, false)
	return group.Resume()
}

// turnAway refuses what waits for the end of a pause that nobody will end any more.
func (p *purser) turnAway() {
	for _, a := range p.all() {
		if group := p.shared.pool.Group(a.Conf().Name); group != nil {
			group.TurnAway()
		}
	}
}

// readPage reads a page that the configuration of an app names, as the user of the app.
func (p *purser) readPage(app conf.App, release, name string) ([]byte, error) {
	return disk.ReadPage(p.disks.of(app), release, name)
}

// UnreadablePages says which pages of an app cannot be read in its root. The app may still bring them.
func UnreadablePages(app conf.App) (all []string) {
	for _, page := range app.PageFiles() {
		if page == app.Maintenance.File { // which is there only at times
			continue
		}
		if _, err := disk.ReadPage(disk.Own, app.Root, page); err != nil {
			all = append(all, fmt.Sprintf("the page %s cannot be read now, and for as long as that is so, visitors see purser's own: %v", page, err))
		}
	}
	return all
}
