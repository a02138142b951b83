package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"purser/conf"
	"purser/conf/access"
	"purser/restart"
	"purser/restart/disk"
	"purser/spawn"
)

// resolve resolves an app's release, as its user would. Where that user may not enter the folder, no process can start
// in it, and the app is told so: that is no reason not to serve the others. Nor is a user who holds up his helper, and
// where a path leads to is all that is looked at then.
func (s *shared) resolve(app conf.App) (restart.Release, error) {
	release, err := resolveBy(s.diskOf(app), app.Root)
	if errors.Is(err, fs.ErrPermission) || disk.Unanswered(err) {
		release, err = s.resolveClosed(app, err)
	}
	if err != nil {
		return release, refusal(fmt.Errorf("cannot serve app %q: %w", app.Name, err))
	}
	return release, nil
}

// resolveClosed resolves the release of an app whose user may not enter its folder.
func (s *shared) resolveClosed(app conf.App, closed error) (restart.Release, error) {
	switch {
	case s.found != nil && s.found(app.Name) != "":
		return restart.Release{Path: s.found(app.Name), Seen: time.Now()}, nil
	case s.found == nil && spawn.ClosedTo(app) != nil, disk.Unanswered(closed):
		return resolveBy(disk.Own, app.Root)
	}
	return restart.Release{}, closed
}

// resolveBy resolves a release. A folder that is away holds up nobody for long: the helper of a user is given up, too.
func resolveBy(d disk.Disk, root string) (restart.Release, error) {
	if d != disk.Own {
		return restart.ResolveRelease(d, root)
	}
	type resolved struct {
		restart.Release
		err error
	}
	r, answered := access.Look(root, func() resolved {
		release, err := restart.ResolveRelease(disk.Own, root)
		return resolved{release, err}
	})
	if !answered {
		return r.Release, awayError(root)
	}
	return r.Release, r.err
}
