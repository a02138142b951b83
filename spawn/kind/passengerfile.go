package kind

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"purser/conf"
)

const passengerfile = "Passengerfile.json"

// A reading takes what keys of Passengerfile.json say for an app where the configuration leaves the default.
type reading struct {
	app          conf.App
	unset        conf.App // the defaults
	keys         map[string]json.RawMessage
	interpreters map[string]string // by kind
	command      bool              // kind, startup_file or command is written, so that the file has no say in it
	smart        bool              // spawn_method, which is for Ruby
	notes        []string          // what is not used, and why
}

// passengerfile is the app with what Passengerfile.json says. As root it is the app's owner who writes that file: so it
// cannot say as whom the app runs, nor name a file outside the root.
func (f folder) passengerfile(app conf.App) (reading, error) {
	r := reading{app: app, unset: conf.DefaultApp(app.Name), keys: map[string]json.RawMessage{}, interpreters: map[string]string{}}
	if f.unread || !f.has(passengerfile) {
		return r, nil
	}
	if err := json.Unmarshal([]byte(f.text(passengerfile)), &r.keys); err != nil {
		return r, fmt.Errorf("%s cannot be read: %w", passengerfile, err)
	}
	r.command = app.Kind != "" && app.Kind != Auto || app.StartupFile != "" || !app.Command.IsZero()
	r.app.Env = maps.Clone(app.Env)
	var unused []string
	for _, key := range slices.Sorted(maps.Keys(r.keys)) {
		take, known := passengerKeys[key]
		if !known {
			unused = append(unused, key)
			continue
		}
		if err := take(&r, r.keys[key]); err != nil {
			return r, fmt.Errorf("%s: %s %w", passengerfile, key, err)
		}
	}
	r.say(unused)
	return r, nil
}

// forKind is an app whose kind is known by now, with what the file says for apps of that kind alone.
func (r *reading) forKind(app conf.App) conf.App {
	if !app.Command.IsZero() {
		return app
	}
	app.Interpreter = cmp.Or(app.Interpreter, r.interpreters[app.Kind])
	app.Preload = app.Preload || r.smart && app.Kind == Ruby
	return app
}

// say tells what of the file holds, and what is left to keys of our own.
func (r *reading) say(unused []string) {
	r.app.Found.Notes = append(slices.Clone(r.app.Found.Notes), r.notes...)
	if len(unused) > 0 {
		r.app.Found.Notes = append(r.app.Found.Notes, fmt.Sprintf("%s: not used: %s; see purser help config for what there is instead", passengerfile, strings.Join(unused, ", ")))
	}
}

// passengerKeys are what is taken over: options of Passenger Standalone (`passenger start`), by what they are here.
var passengerKeys = map[string]func(*reading, json.RawMessage) error{
	"app_type":          (*reading).appType,
	"startup_file":      (*reading).startupFile,
	"rackup":            (*reading).startupFile,
	"app_start_command": (*reading).startCommand,
	"environment":       text(func(a *conf.App) *string { return &a.Environment }),
	"app_env":           text(func(a *conf.App) *string { return &a.Environment }),
	"envvars":           (*reading).envvars,
	"ruby":              interpreter(Ruby),
	"python":            interpreter(Python),
	"nodejs":            interpreter(Node),

	"min_instances":              (*reading).minInstances,
	"max_pool_size":              (*reading).maxInstances,
	"max_instances":              (*reading).maxInstances,
	"pool_idle_time":             span(func(a *conf.App) *time.Duration { return &a.IdleTimeout }),
	"start_timeout":              span(func(a *conf.App) *time.Duration { return &a.StartTimeout }),
	"spawn_method":               (*reading).spawnMethod,
	"max_preloader_idle_time":    span(func(a *conf.App) *time.Duration { return &a.PreloadIdle }),
	"app_file_descriptor_ulimit": (*reading).openFiles,
	"max_requests":               count(func(a *conf.App) *int { return &a.MaxRequests }),
	"thread_count":               count(func(a *conf.App) *int { return &a.Concurrency }),
	"force_max_concurrent_requests_per_process": (*reading).concurrency,

	"max_request_queue_size":   count(func(a *conf.App) *int { return &a.MaxQueue }),
	"max_request_queue_time":   span(func(a *conf.App) *time.Duration { return &a.QueueTimeout }),
	"static_files_dir":         (*reading).public,
	"restart_dir":              (*reading).restartDir,
	"load_shell_envvars":       truth(func(a *conf.App) *bool { return &a.LoadShellEnv }),
	"resist_deployment_errors": truth(func(a *conf.App) *bool { return &a.Restart.ResistDeploymentErrors }),
	"rolling_restarts":         ignored, // what is done anyway
}

func ignored(*reading, json.RawMessage) error { return nil }

// put sets a key that the configuration leaves at its default.
func put[T comparable](r *reading, place func(*conf.App) *T, value T) {
	if *place(&r.app) == *place(&r.unset) {
		*place(&r.app) = value
	}
}

func text(place func(*conf.App) *string) func(*reading, json.RawMessage) error {
	return func(r *reading, raw json.RawMessage) error {
		value, err := word(raw)
		if err == nil {
			put(r, place, value)
		}
		return err
	}
}

func truth(place func(*conf.App) *bool) func(*reading, json.RawMessage) error {
	return func(r *reading, raw json.RawMessage) error {
		var value bool
		if json.Unmarshal(raw, &value) != nil {
			return errors.New("must be true or false")
		}
		put(r, place, value)
		return nil
	}
}

func count(place func(*conf.App) *int) func(*reading, json.RawMessage) error {
	return func(r *reading, raw json.RawMessage) error {
		value, err := number(raw)
		if err == nil {
			put(r, place, value)
		}
		return err
	}
}

func span(place func(*conf.App) *time.Duration) func(*reading, json.RawMessage) error {
	return func(r *reading, raw json.RawMessage) error {
		seconds, err := number(raw)
		if err == nil {
			put(r, place, time.Duration(seconds)*time.Second)
		}
		return err
	}
}

// word is a text that can be an argument of a program.
func word(raw json.RawMessage) (value string, err error) {
	if json.Unmarshal(raw, &value) != nil || value == "" || strings.ContainsAny(value, "\x00\n") {
		return "", errors.New("must be a text of one line")
	}
	return value, nil
}

// number is one from 0, of a size that nothing here overflows with.
func number(raw json.RawMessage) (value int, err error) {
	const most = 1_000_000
	if json.Unmarshal(bytes.Trim(raw, `"`), &value) != nil || value < 0 || value > most {
		return 0, fmt.Errorf("must be a number from 0 to %d", most)
	}
	return value, nil
}
