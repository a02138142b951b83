package log

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn"
)

// Access opens what the access log is written to. Nil means that there is none.
func (l *Log) Access() (func(line []byte), error) { return l.AccessTo(l.config().Server.AccessLog) }

// AccessTo is Access for what is named as the key access_log has it.
func (l *Log) AccessTo(where string) (func(line []byte), error) {
	if where == "" || where == "off" {
		return nil, nil
	}
	s, err := l.sink(where, &room{})
	if err != nil {
		return nil, err
	}
	return s.Add, nil
}

// App opens what the processes and hooks of an app print to. No level of the log drops it.
func (l *Log) App(app conf.App) (spawn.Lines, error) {
	where := cmp.Or(app.Log, "stderr")
	s, err := l.sink(where, &l.apps)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", app.Name, err)
	}
	return l.form(where, s), nil
}

// Try says why what is written to could not be opened, as access_log or the log of an app has it. Nothing is made or
// kept open: who tries may not go on.
func (l *Log) Try(where string) error {
	if where == "" || where == "off" || where == "stdout" || l.known(where) != nil {
		return nil
	}
	f, err := l.file(filepath.Clean(where))
	if err != nil {
		return err
	}
	if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
		fd, err := f.open()
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
	return notOpened(f.path, unix.Access(filepath.Dir(f.path), unix.W_OK|unix.X_OK))
}

// known is the sink for a name, or nil.
func (l *Log) known(where string) *Sink {
	if where != "stdout" && where != "stderr" {
		where = filepath.Clean(where)
	}
	for _, s := range l.all() {
		if s.name == where {
			return s
		}
	}
	return nil
}

// sink is the sink for a name of the configuration; what has the same name is the same sink.
func (l *Log) sink(where string, r *room) (*Sink, error) {
	if s := l.known(where); s != nil {
		return s, nil
	}
	if where == "stdout" {
		return l.add(where, streamOf(l.config().Stdout), &room{}), nil
	}
	where = filepath.Clean(where)
	f, err := l.file(where)
	if err != nil {
		return nil, err
	}
	if err := f.start(); err != nil {
		return nil, err
	}
	return l.add(where, f, r), nil
}

// file is how a log file of that path is opened and rotated.
func (l *Log) file(path string) (*file, error) {
	f := &file{path: path, open: func() (int, error) { return openPath(path) }}
	most := l.config().Server.LogMaxSize
	if folder, rest := l.untrusted(path); folder != "" {
		if most > 0 {
			return nil, fmt.Errorf("cannot keep the log %s at log_max_size: as root, purser renames nothing below an app's folder; "+
				"write the log elsewhere, or set log_max_size = \"0\" and rotate it with logrotate and its su", path)
		}
		f.open = func() (int, error) { return openBelow(folder, rest) }
	}
	if most > 0 {
		f.turn = &turn{log: l, most: most, limit: most, keep: l.config().Server.LogKeep}
	}
	return f, nil
}

// form is how lines of apps are written to a sink: by themselves to a file of theirs, else among
// purser's own messages and in the format of those, unless log_apps_format says otherwise.
func (l *Log) form(where string, s *Sink) spawn.Lines {
	format := l.config().Server.LogAppsFormat
	switch {
	case format != "" && format != "auto":
	case where == "stderr":
		format = l.config().Server.LogFormat
	default:
		format = "raw"
	}
	if format == "raw" {
		return raw(s)
	}
	inJSON := format == "json"
	root := hclog.New(&hclog.LoggerOptions{Name: "purser", Level: hclog.Trace, JSONFormat: inJSON, JSONEscapeDisabled: true,
		Color: hclog.ColorOff, Output: gathering{s}})
	return wrapped(root.Named("app"), root.Named("hook"), inJSON)
}

// gathering has lines wait for others, which messages do not.
type gathering struct{ s *Sink }

func (g gathering) Write(line []byte) (int, error) {
	g.s.Add(line)
	return len(line), nil
}

// raw writes lines as they are: what an app sends to a terminal gets there.
func raw(s *Sink) spawn.Lines {
	return func(line spawn.Line) { s.Add(append(line.Raw[:len(line.Raw):len(line.Raw)], '\n')) }
}

// wrapped writes each line as a message, with where it comes from. In JSON, a line that is a JSON object
// itself becomes the member "json", and "@message" is empty.
func wrapped(apps, hooks hclog.Logger, inJSON bool) spawn.Lines {
	return func(line spawn.Line) {
		log, pairs := apps, []any{"app", line.App, "gen", line.Generation, "pid", line.PID, "stream", line.Stream}
		if line.Hook != "" {
			log, pairs = hooks, []any{"app", line.App, "hook", line.Hook, "pid", line.PID, "stream", line.Stream}
		}
		text := line.Text
		if inJSON {
			if object := objectOf(line.Raw); object != nil {
				text, pairs = "", append(pairs, "json", object)
			}
		}
		log.Info(text, pairs...)
	}
}

// objectOf is a line that is one JSON object, nil if it is something else. In it, control characters
// that JSON allows in strings are escaped, and what is not UTF-8 is U+FFFD.
func objectOf(line []byte) json.RawMessage {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' || !json.Valid(line) {
		return nil
	}
	var safe []byte
	for _, r := range string(line) { // what is not UTF-8 is U+FFFD here
		if r >= 0x7f && r <= 0x9f {
			safe = fmt.Appendf(safe, `\u%04x`, r)
		} else {
			safe = append(safe, string(r)...)
		}
	}
	return safe
}
