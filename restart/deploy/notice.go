package deploy

import (
	"errors"
	"io/fs"
	"syscall"

	"purser/conf"
	"purser/restart"
	"purser/restart/disk"
)

// This file is the notice of an app: the file by which whoever may write to its folder has it be in maintenance. It is
// watched as the restart file is, and by the same means.

// noticeOf is the app as the watcher of restart files is to see it.
func noticeOf(app conf.App) conf.App {
	app.Restart.File = app.Maintenance.File
	return app
}

func (d *Deployer) newNotices() *restart.Watcher {
	w := restart.New(nil, d.live, func(string, string) {}, d.log)
	w.Saw = func(app string, _ []byte, _ bool) {
		if a := d.app(app); a != nil {
			a.lookForNotice()
		}
	}
	w.Disk = d.disk
	return w
}

// lookForNotice says whether the app's notice is there.
func (a *App) lookForNotice() {
	a.noticing.Lock()
	defer a.noticing.Unlock()
	if there, known := a.hasNotice(); known {
		a.deployer.noticed(a.name, there)
	}
}

// hasNotice looks where the root leads to, and in the release that is live. What holds up the look says nothing.
func (a *App) hasNotice() (there, known bool) {
	app, d := a.now(), a.disk()
	if app.Maintenance.File == "" {
		return false, true
	}
	for _, folder := range []string{app.Root, a.deployer.live(a.name)} {
		if folder == "" {
			continue
		}
		_, err := disk.Look(d, disk.Within(folder, app.Maintenance.File))
		switch {
		case err == nil:
			return true, true
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return false, false
		}
	}
	return false, true
}
