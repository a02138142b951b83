package serve

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"purser/conf"
	"purser/conf/access"
	"purser/proxy/files"
	"purser/restart/disk"
	"purser/restart/disk/helper"
	"purser/spawn/keeper"
)

// Disks are the ways to what the users of apps own. Where an app is purser's own user's, that is this process; else it
// is the helper of its user.
type disks struct {
	helpers *helper.Helpers

	mu    sync.Mutex // guards what follows
	logs  []string   // that the configuration names
	known map[string]knownDisk
}

// A knownDisk is the way for an app, and what that depends on.
type knownDisk struct {
	user   string
	grants string
	disk   disk.Disk
}

func newDisks(start helperStarter, log hclog.Logger) *disks {
	return &disks{helpers: helper.New(start, log), known: map[string]knownDisk{}}
}

type helperStarter func(u helper.User, args []string, socket *os.File) (helper.Process, error)

// startHelper runs purser's own binary as another user. It ends with the front, whose socket it has.
func (p *purser) startHelper(u helper.User, args []string, socket *os.File) (helper.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files := [3]uintptr{socket.Fd(), null.Fd(), null.Fd()}
	if p.given != nil {
		return p.forkHelper(u, files)
	}
	process, err := p.Keeper.Fork(keeper.Program{
		Path: helperBinary, Dir: "/", User: new(keeper.User(u)), Args: args, Env: helperEnv(), Files: files,
	})
	if errors.Is(err, syscall.EACCES) {
		err = fmt.Errorf("%w; have everybody be allowed to run purser's binary (chmod 755)", err)
	}
	if err != nil {
		return nil, err
	}
	return process, nil
}

const helperBinary = "/proc/self/exe"

func helperEnv() []string { return []string{"GOMAXPROCS=1"} }

// of is the way to what the user of an app owns. As whom it runs need not be known, if that is known of its name.
func (d *disks) of(app conf.App) disk.Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.choose(app)
}

// choose is called with mu held.
func (d *disks) choose(app conf.App) disk.Disk {
	known, is := d.known[app.Name]
	switch {
	case app.RunsAs == nil && is:
		return known.disk
	case app.RunsAs == nil, int(app.RunsAs.UID) == os.Geteuid():
		return disk.Own
	}
	user := helperUser(app.RunsAs)
	folders := slices.Concat([]string{app.Root, app.Restart.File, app.Public}, app.PageFiles(), sentFolders(app))
	key := knownDisk{user: fmt.Sprint(user), grants: strings.Join(folders, "\x00")}
	if known.user == key.user && known.grants == key.grants {
		return known.disk
	}
	key.disk = d.helpers.Disk(app.Name, user, d.grantsOf(app))
	d.known[app.Name] = key
	return key.disk
}

// grantsOf are what the helper may touch for an app. It is called with mu held.
func (d *disks) grantsOf(app conf.App) helper.Grants {
	g := helper.Grants{Roots: []string{app.Root}}
	if filepath.IsAbs(app.Restart.File) {
		g.Statuses = []string{filepath.Dir(app.Restart.File)}
	}
	if app.Public != "" {
		g.Statics = []string{app.Public}
	}
	g.Pages = app.PageFiles()
	for _, folder := range sentFolders(app) {
		if filepath.IsAbs(folder) {
			g.Folders = append(g.Folders, folder)
		} else {
			g.Statics = append(g.Statics, folder)
		}
	}
	real := access.RealPath(app.Root)
	for _, log := range d.logs {
		if isBelow(log, app.Root) || isBelow(log, real) {
			g.Logs = append(g.Logs, log)
		}
	}
	return g
}

// sentFolders are further folders with files of an app that are sent: absolute, or of a release.
func sentFolders(app conf.App) (folders []string) {
	for _, s := range app.Static {
		folders = append(folders, s.Folder)
	}
	folders = slices.AppendSeq(folders, maps.Values(app.Accel))
	folders = append(folders, app.Sendfile...)
	slices.Sort(folders)
	return folders
}

func isBelow(path, folder string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != "." && filepath.IsLocal(rest)
}

// expect says which apps there are, and to which logs anybody may write, so that a helper is started once for all apps
// of its user. Those of apps that are gone, and of none of these, end.
func (d *disks) expect(server conf.Server, apps []conf.App) {
	d.write(logsOf(server, apps), apps)
	byName := byName(apps)
	d.only(func(name string) bool { _, is := byName[name]; return is })
}

// only ends what is granted for apps that are gone. One that is going may still ask for it.
func (d *disks) only(is func(app string) bool) {
	d.mu.Lock()
	maps.DeleteFunc(d.known, func(name string, _ knownDisk) bool { return !is(name) })
	d.mu.Unlock()
	d.helpers.Only(is)
}

// mostWoken is how many helpers are started at the same time: each is a process that takes milliseconds to begin.
const mostWoken = 16

// wake starts the helpers of apps beside each other. Each would start with the first question to it otherwise, one after
// the other, and who holds up his would hold up all apps behind his.
func (d *disks) wake(apps []conf.App) {
	first := map[disk.Disk]string{} // a folder of each user
	for _, app := range apps {
		if of := d.of(app); of != disk.Own && first[of] == "" {
			first[of] = app.Root
		}
	}
	var woken errgroup.Group
	woken.SetLimit(mostWoken)
	for of, folder := range first {
		woken.Go(func() error {
			of.Stat(folder) // what is there is looked at when it is wanted
			return nil
		})
	}
	_ = woken.Wait()
}

// consider has the logs of a configuration that may not hold yet be opened, too.
func (d *disks) consider(server conf.Server, apps []conf.App) {
	d.mu.Lock()
	now := d.logs
	d.mu.Unlock()
	d.write(append(logsOf(server, apps), now...), apps)
}

func (d *disks) write(logs []string, apps []conf.App) {
	slices.Sort(logs)
	logs = slices.Compact(logs)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(logs, d.logs) {
		d.logs = logs
		clear(d.known)
	}
	for _, app := range apps {
		d.choose(app)
	}
}

// logsOf are the files that a configuration has purser write to.
func logsOf(server conf.Server, apps []conf.App) []string {
	logs := []string{server.AccessLog}
	for _, app := range apps {
		logs = append(logs, app.Log)
	}
	return slices.DeleteFunc(logs, func(log string) bool { return !filepath.IsAbs(log) })
}

// statics are the files of an app in a folder, as whoever is its user opens them.
type statics struct {
	disks       *disks
	app, folder string
}

// statics is who opens the static files of an app that purser itself may not.
func (d *disks) statics(app conf.App, folder string) files.Owner { return statics{d, app.Name, folder} }

func (s statics) disk() disk.Disk { return s.disks.of(conf.App{Name: s.app}) }

func (s statics) List(release string) ([]string, error) {
	return s.disk().ListStatic(release, s.folder)
}

func (s statics) Open(release, name string) (*os.File, error) {
	return s.disk().OpenStatic(release, s.folder, name)
}

func (s statics) OpenBelow(folder, name string) (*os.File, error) {
	return s.disk().OpenBelow(folder, name)
}
