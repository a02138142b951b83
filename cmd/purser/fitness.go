package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn"
)

// fitness says what of a valid configuration this machine does not have, or purser could not serve with,
// all of it at once. Nothing is changed.
func fitness(cfg *conf.Config, apps []conf.App) error {
	_, err := adminToken(cfg.Server)
	wrong := []error{err, checkLogFolder("access_log", cfg.Server.AccessLog), checkLogsOfApps(apps)}
	for _, place := range cfg.Server.Listen {
		if place.Network == "unix" {
			wrong = append(wrong, checkFolder("listen", filepath.Dir(place.Address)))
		}
	}
	for _, app := range apps {
		if err := spawn.CheckProgram(app, app.Command); err != nil {
			wrong = append(wrong, fmt.Errorf("app %s: command: %w", app.Name, err))
		}
		for _, w := range app.Workers {
			if err := spawn.CheckProgram(app, w.Command); err != nil && w.Count > 0 {
				wrong = append(wrong, fmt.Errorf("app %s: workers.%s.command: %w", app.Name, w.Name, err))
			}
		}
		if _, err := spawn.CheckEnvFile(app); err != nil {
			wrong = append(wrong, fmt.Errorf("app %s: env_file: %w", app.Name, err))
		}
		for _, hook := range app.Hooks.All() {
			if err := spawn.CheckProgram(app, hook.Command); err != nil {
				wrong = append(wrong, fmt.Errorf("app %s: hooks.%s: %w", app.Name, hook.Key, err))
			}
		}
	}
	return asUsage(errors.Join(wrong...))
}

// checkLogsOfApps looks at each folder once: a thousand apps may log into it.
func checkLogsOfApps(apps []conf.App) error {
	var wrong []error
	looked := map[string]bool{}
	for _, app := range apps {
		if folder := filepath.Dir(app.Log); !looked[folder] {
			looked[folder] = true
			wrong = append(wrong, checkLogFolder("app "+app.Name+": log", app.Log))
		}
	}
	return errors.Join(wrong...)
}

// checkLogFolder says why the log that a key names could not be opened.
func checkLogFolder(key, file string) error {
	if file == "" || file == "off" || file == "stderr" || file == "stdout" {
		return nil
	}
	stat, err := os.Stat(file)
	switch {
	case err == nil && stat.IsDir():
		return fmt.Errorf("%s: %s is a folder, not a file", key, file)
	case err == nil && unix.Access(file, unix.W_OK) != nil:
		return fmt.Errorf("%s: %s may not be written", key, file)
	case err == nil:
		return nil
	}
	return checkFolder(key, filepath.Dir(file))
}

// checkFolder says why no file could be made in a folder.
func checkFolder(key, folder string) error {
	stat, err := os.Stat(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s; create it", key, folder)
	case err != nil:
		return fmt.Errorf("%s: %w", key, err)
	case !stat.IsDir():
		return fmt.Errorf("%s: %s is not a folder", key, folder)
	case unix.Access(folder, unix.W_OK|unix.X_OK) != nil:
		return fmt.Errorf("%s: no file can be made in %s; give it to the user that purser runs as", key, folder)
	}
	return nil
}
