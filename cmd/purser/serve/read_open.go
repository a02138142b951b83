package serve

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
	"purser/spawn"
	"purser/spawn/keeper"
	"purser/status"
)

// claim takes the name of this purser, and makes the folder in which the keeper makes those of sockets.
func (r *reader) claim() error {
	if !r.first || r.Left.Held[claimed(r.Name)] != nil {
		return nil
	}
	c, err := claimName(r.Name, r.held)
	if err != nil {
		return err
	}
	if err := c.clearBut(nil); err != nil {
		return err
	}
	for _, dir := range []string{status.RuntimeDir(), r.runtime} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return fmt.Errorf("cannot let apps and the process that serves into the runtime folder: %w", err)
		}
	}
	r.grants.Left = append(r.grants.Left, keeper.Remnant{Name: claimed(r.Name), Path: r.runtime})
	return spawn.WriteLoaders(r.runtime)
}

// openSockets opens the places where visitors and operators come in, but for those that are open.
func (r *reader) openSockets() error {
	from := sockets{held: r.held, passed: takePassed(r.held)}
	places := slices.DeleteFunc(slices.Clone(r.Conf.Server.Listen), func(place conf.Listen) bool {
		return place.Network == "unix" && mayReplace(r.front, place.Address) // it opens that itself
	})
	if _, err := openDoors(places, from); err != nil {
		return err
	}
	for _, place := range places {
		if place.Network == "unix" {
			r.leave(doorName(place), place.Address)
		}
	}
	if _, err := from.openMetrics(r.Conf.Server.Metrics); err != nil {
		return err
	}
	if r.Conf.Server.Admin != "" {
		p := purser{Config: r.Config, sockets: from}
		_, err := p.openAdmin()
		return err
	}
	return r.openAdmin(from)
}

// openAdmin opens the admin socket for root, the user of the front, and the members of admin_group.
func (r *reader) openAdmin(from sockets) error {
	path := filepath.Join(status.RuntimeDir(), r.Name+".sock")
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		from.held.take(adminName(r.Name)) // somebody has removed it
	}
	if _, err := from.openAdmin(r.Name); err != nil {
		return err
	}
	group := int(r.front.GID)
	if r.Conf.Server.AdminGroup != "" {
		gid, err := adminGroup(r.Conf)
		if err != nil {
			return err
		}
		group = int(gid)
	}
	r.leave(adminName(r.Name), path)
	return errors.Join(os.Lchown(path, int(r.front.UID), group), unix.Fchmodat(unix.AT_FDCWD, path, 0o660, 0))
}

// leave has a path removed with what is held by a name.
func (r *reader) leave(name, path string) {
	r.grants.Left = append(r.grants.Left, keeper.Remnant{Name: name, Path: path})
}

// openLogs opens all logs for the front. What is below the folder of an app is opened as its owner might. What cannot be
// opened keeps its app from being served, and at a reload it is the front's to judge: no user of an app keeps others from
// anything.
func (r *reader) openLogs(found []finding) error {
	apps := appsOf(found)
	rules := r.Log.Rules(r.Conf.Server, apps)
	visits := filepath.Clean(r.Conf.Server.AccessLog)
	paths := map[string]bool{visits: true}
	for _, one := range found {
		if away := access.IsAway(one.App.Root); !away && !r.first || one.Wrong == "" { // at a reload it may be one that runs
			paths[filepath.Clean(one.App.Log)] = true
		}
	}
	var wrong error // with the access log
	closed := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !filepath.IsAbs(path) || mayReplace(r.front, path) {
			continue // off, stderr, stdout; or what serves opens it itself
		}
		file, err := rules.Opened(path, int(r.front.UID), int(r.front.GID))
		if file != nil {
			err = r.Keeper.Hold(logPrefix+path, file)
			file.Close()
		}
		switch {
		case err != nil && path == visits:
			wrong = err
		case err != nil:
			closed[path] = err.Error()
		}
	}
	if r.first {
		refuseLogs(found, closed)
	}
	return errors.Join(refusal(wrong), r.serveAny(found), holdJSON(r.Keeper, readLogs, closed))
}

// refuseLogs marks apps whose log cannot be opened.
func refuseLogs(found []finding, closed map[string]string) {
	for i := range found {
		one := &found[i]
		if why, is := closed[filepath.Clean(one.App.Log)]; is && one.Wrong == "" {
			one.Wrong = fmt.Sprintf("app %s: %s", one.App.Name, why)
		}
	}
}

func (r *reader) holdCertificates() error {
	store, _, err := LoadCertificates(r.Conf)
	if err != nil || store == nil {
		return err
	}
	texts := store.Used()
	if c := r.Conf.Server.ACME; c.On { // that these can be used was looked at
		noting := func(path string) ([]byte, error) {
			text, err := conf.ReadFile(path)
			texts[path] = text
			return text, err
		}
		_, _ = rootsOf(c.CA, noting)
		_, _ = issuersOf(c, noting)
	}
	return holdJSON(r.Keeper, readCertificates, texts)
}
