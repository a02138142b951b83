package log

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/spawn"
)

// Access is that of the rules that hold.
func (l *Log) Access() (func(line []byte), error) { return l.rules().Access() }

// App is that of the rules that hold.
func (l *Log) App(app conf.App) (spawn.Lines, error) { return l.rules().App(app) }

// form is how lines of apps are written to a sink: by themselves to a file of theirs, else among
// purser's own messages and in the format of those, unless log_apps_format says otherwise.
func (r Rules) form(where string, s *Sink) spawn.Lines {
	format := r.server.LogAppsFormat
	switch {
	case format != "" && format != "auto":
	case where == "stderr":
		format = r.server.LogFormat
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
		if line.Worker != "" {
			pairs = slices.Insert(pairs, 2, any("worker"), any(line.Worker))
		}
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
