package log

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/conf/access"
	"purser/restart/disk"
	"purser/spawn"
)

// Rules are what a configuration says of how logs are opened and kept.
type Rules struct {
	log     *Log
	server  conf.Server
	folders func() map[string]conf.App // of apps, by their names and really; none unless root has started purser
}

// Rules are those of a configuration that may not hold yet.
func (l *Log) Rules(server conf.Server, apps []conf.App) Rules {
	return Rules{l, server, sync.OnceValue(func() map[string]conf.App { return foldersOf(apps) })}
}

// rules are those that hold.
func (l *Log) rules() Rules {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Rules(l.cfg.Server, l.cfg.Apps)
}

// Access opens what the access log is written to. Nil means that there is none.
func (r Rules) Access() (func(line []byte), error) {
	where := r.server.AccessLog
	if where == "" || where == "off" {
		return nil, nil
	}
	s, err := r.sink(where, &room{})
	if err != nil {
		return nil, err
	}
	return s.Add, nil
}

// App opens what the processes and hooks of an app print to. No level of the log drops it.
func (r Rules) App(app conf.App) (spawn.Lines, error) {
	where := cmp.Or(app.Log, "stderr")
	s, err := r.sink(where, &r.log.apps)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", app.Name, err)
	}
	return r.form(where, s), nil
}

// sink is the sink for a name of the configuration; what has the same name is the same sink.
func (r Rules) sink(where string, beside *room) (*Sink, error) {
	where = named(where)
	if where == "stdout" || where == "stderr" {
		if s := r.log.claim(where); s != nil {
			return s, nil
		}
		return r.log.add(where, streamOf(r.log.config().Stdout), &room{}), nil
	}
	if err := r.refusal(where); err != nil {
		return nil, err
	}
	if s := r.log.claim(where); s != nil {
		return s, nil
	}
	f := newFile(r.log, where)
	if err := f.start(r); err != nil {
		return nil, err
	}
	return r.log.add(where, f, beside), nil
}

// Try says why what is written to could not be opened, as access_log or the log of an app has it. Nothing is made or
// kept open: who tries may not go on.
func (r Rules) Try(where string) error {
	if where == "" || where == "off" || where == "stdout" || where == "stderr" {
		return nil
	}
	where = named(where)
	if err := r.refusal(where); err != nil || r.log.has(where) {
		return err
	}
	f := newFile(r.log, where)
	if err := f.locate(r); err != nil {
		return err
	}
	if _, err := os.Lstat(where); !errors.Is(err, fs.ErrNotExist) {
		fd, err := f.open()
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
	if f.below != "" && os.Geteuid() != 0 { // it is its owner who has to be allowed to write there
		_, err := f.disk.Resolve(filepath.Dir(where))
		return notOpened(where, errorOf(err))
	}
	if fd := r.log.handed(where); fd >= 0 {
		_ = unix.Close(fd)
		return nil
	}
	return notOpened(where, unix.Access(filepath.Dir(where), unix.W_OK|unix.X_OK))
}

// errorOf is the number of an error, nil if there is none.
func errorOf(err error) error {
	if number, is := errors.AsType[unix.Errno](err); is {
		return number
	}
	return err
}

// Refusal says which of the files that apps print to cannot be kept as the rules say.
func (r Rules) Refusal(apps []conf.App) error {
	var wrong []error
	for _, app := range apps {
		if where := cmp.Or(app.Log, "stderr"); where != "stderr" && where != "stdout" {
			wrong = append(wrong, r.refusal(filepath.Clean(where)))
		}
	}
	return errors.Join(wrong...)
}

func (r Rules) refusal(path string) error {
	if r.server.LogMaxSize == 0 {
		return nil
	}
	if folder, _, _ := r.untrusted(path); folder == "" && !r.isAnApps(path) {
		return nil
	}
	return fmt.Errorf("cannot keep the log %s at log_max_size: as root, purser renames nothing below an app's folder, or that of its user; "+
		"write the log elsewhere, or set log_max_size = \"0\" and rotate it with logrotate and its su", path)
}

// isAnApps reports whether the user of an app has a hand in a log.
func (r Rules) isAnApps(path string) bool {
	if os.Geteuid() != 0 {
		return false
	}
	way, _ := access.Look(filepath.Dir(path), func() spawn.Way { // of what does not answer, none
		way, err := spawn.WayTo(path)
		if err != nil {
			return spawn.Way{}
		}
		return way
	})
	for _, at := range append(way.Links, way.Folders...) {
		for _, app := range r.folders() {
			if at.UID != 0 && app.RunsAs != nil && int(app.RunsAs.UID) == at.UID {
				return true
			}
		}
	}
	return false
}

// untrusted is the app's folder that a log is below, and the path from there, if root has started purser: whoever owns
// the folder could have purser write anywhere by a link. So it is opened by the way to what that user owns. "" = the
// log may be opened as any other file.
func (r Rules) untrusted(path string) (folder, rest string, way disk.Disk) {
	if os.Geteuid() != 0 && r.log.config().Handed == nil {
		return "", "", nil
	}
	for _, at := range []string{path, filepath.Join(access.RealPath(filepath.Dir(path)), filepath.Base(path))} {
		for above := filepath.Dir(at); ; above = filepath.Dir(above) {
			if app, is := r.folders()[above]; is {
				rest, _ := filepath.Rel(above, at) // it is above
				return above, rest, r.log.disk(app)
			}
			if above == "/" {
				break
			}
		}
	}
	return "", "", nil
}

// foldersOf are the folders of apps, by their names and really.
func foldersOf(apps []conf.App) map[string]conf.App {
	real := make([]string, len(apps))
	access.Beside(len(apps), func(i int) { real[i] = access.RealPath(apps[i].Root) })
	all := map[string]conf.App{}
	for i, app := range apps {
		all[filepath.Clean(app.Root)], all[real[i]] = app, app
	}
	return all
}

// named is the name of the sink for what a configuration says.
func named(where string) string {
	if where == "stderr" || where == "stdout" {
		return where
	}
	return filepath.Clean(where)
}
