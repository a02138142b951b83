package kind

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// This file is what single keys of Passengerfile.json say.

func (r *reading) appType(raw json.RawMessage) error {
	value, err := word(raw)
	if err != nil || r.command {
		return err
	}
	known, is := map[string]string{"rack": Ruby, "ruby": Ruby, "wsgi": Python, "python": Python, "node": Node, "nodejs": Node, "meteor": Node}[value]
	if !is && r.keys["app_start_command"] == nil {
		return fmt.Errorf("is %q, which is none of rack, wsgi, node and meteor", value)
	}
	if r.app.Kind != Command {
		r.app.Kind = known
	}
	return nil
}

func (r *reading) startupFile(raw json.RawMessage) error {
	value, err := word(raw)
	switch {
	case err != nil, r.command, r.keys["app_start_command"] != nil:
		return err
	case !filepath.IsLocal(value) || path.Clean(value) == ".":
		return fmt.Errorf("must be a file inside the folder, not %q", value)
	}
	r.app.StartupFile, r.app.Found.Why = path.Clean(value), passengerfile+": startup_file"
	return nil
}

// startCommand wins over all that says which kind the app is, as Passenger has it.
func (r *reading) startCommand(raw json.RawMessage) error {
	value, err := word(raw)
	if err != nil || r.command {
		return err
	}
	r.app.Kind, r.app.Command, r.app.Found.Why = Command, conf.Command{Shell: value}, passengerfile+": app_start_command"
	return nil
}

func (r *reading) envvars(raw json.RawMessage) error {
	values := map[string]any{}
	if json.Unmarshal(raw, &values) != nil {
		return errors.New(`must be an object such as {"NAME": "value"}`)
	}
	for name, value := range values {
		name, value, err := conf.ParseEnv(fmt.Sprintf("%s=%v", name, value))
		if err != nil {
			return err
		}
		if _, set := r.app.Env[name]; !set {
			if r.app.Env == nil {
				r.app.Env = map[string]string{}
			}
			r.app.Env[name] = value
		}
	}
	return nil
}

// interpreter is that of one kind. It is for the apps of that kind alone, which is not known yet.
func interpreter(kind string) func(*reading, json.RawMessage) error {
	return func(r *reading, raw json.RawMessage) error {
		value, err := word(raw)
		if err != nil || value == map[string]string{Ruby: "ruby", Python: "python", Node: "node"}[kind] {
			return err // the usual one is looked for anyway, in the app's own environment first
		}
		r.interpreters[kind] = value
		return nil
	}
}

func (r *reading) spawnMethod(raw json.RawMessage) error {
	value, err := word(raw)
	if err == nil && value != "smart" && value != "direct" {
		err = fmt.Errorf("is %q, which is neither smart nor direct", value)
	}
	r.smart = value == "smart"
	return err
}

// fewestFiles is what open_files may be at least, too.
const fewestFiles = 16

// openFiles: the file belongs to the app, which must not lift what the machine holds purser to.
func (r *reading) openFiles(raw json.RawMessage) error {
	value, err := number(raw)
	var own unix.Rlimit
	if err == nil && value > 0 {
		err = unix.Getrlimit(unix.RLIMIT_NOFILE, &own)
	}
	switch {
	case err != nil, value == 0, r.app.Limits.Process.OpenFiles.Set:
	case value < fewestFiles || uint64(value) > own.Max:
		r.unusable("app_file_descriptor_ulimit", "it is %d, and may be %d to %d, which is what purser itself may have; for more, set open_files", value, fewestFiles, own.Max)
	default:
		r.app.Limits.Process.OpenFiles = conf.Number{Set: true, Value: int64(value)}
	}
	return err
}

// unusable notes why a key does not hold.
func (r *reading) unusable(key, why string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf("%s: %s is not used: %s", passengerfile, key, fmt.Sprintf(why, args...)))
}

func (r *reading) ownCounts() bool {
	return r.app.MinProcesses == r.unset.MinProcesses && r.app.MaxProcesses == r.unset.MaxProcesses
}

func (r *reading) minInstances(raw json.RawMessage) error {
	value, err := number(raw)
	switch {
	case err != nil, r.app.MinProcesses != r.unset.MinProcesses:
	case value > r.app.MaxProcesses:
		r.unusable("min_instances", "it is %d, more than the app may have, which is %d", value, r.app.MaxProcesses)
	default:
		r.app.MinProcesses = value
	}
	return err
}

func (r *reading) maxInstances(raw json.RawMessage) error {
	value, err := number(raw)
	if err == nil && value > 0 && r.ownCounts() {
		r.app.MaxProcesses = value
		r.app.MinProcesses = min(r.app.MinProcesses, value)
	}
	return err
}

// concurrency: 0 is unlimited, and -1 what is found out.
func (r *reading) concurrency(raw json.RawMessage) error {
	if string(raw) == "-1" {
		return nil
	}
	value, err := number(raw)
	if err == nil && value == 0 {
		value = conf.Unlimited
	}
	if err == nil {
		put(r, func(a *conf.App) *int { return &a.Concurrency }, value)
	}
	return err
}

// inside is a path in the app's folder.
func inside(raw json.RawMessage) (string, error) {
	value, err := word(raw)
	if err == nil && (!filepath.IsLocal(value) || path.Clean(value) == ".") {
		err = fmt.Errorf("is not inside the folder: %q", value)
	}
	return path.Clean(value), err
}

func (r *reading) public(raw json.RawMessage) error {
	value, err := inside(raw)
	if err == nil {
		put(r, func(a *conf.App) *string { return &a.Public }, value)
	}
	return err
}

func (r *reading) restartDir(raw json.RawMessage) error {
	value, err := inside(raw)
	if err == nil {
		put(r, func(a *conf.App) *string { return &a.Restart.File }, path.Join(value, "restart.txt"))
	}
	return err
}
