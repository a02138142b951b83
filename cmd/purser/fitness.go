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
	wrong := []error{err, checkLogFolder(cfg.Server.AccessLog)}
	for _, app := range apps {
		if err := spawn.CheckProgram(app, app.Command); err != nil {
			wrong = append(wrong, fmt.Errorf("app %s: command: %w", app.Name, err))
		}
		for _, hook := range app.Hooks.All() {
			if err := spawn.CheckProgram(app, hook.Command); err != nil {
				wrong = append(wrong, fmt.Errorf("app %s: hooks.%s: %w", app.Name, hook.Key, err))
			}
		}
	}
	return asUsage(errors.Join(wrong...))
}

// checkLogFolder says why the access log could not be opened.
func checkLogFolder(file string) error {
	if file == "" || file == "off" || file == "stderr" || file == "stdout" {
		return nil
	}
	stat, err := os.Stat(file)
	switch {
	case err == nil && stat.IsDir():
		return fmt.Errorf("access_log: %s is a folder, not a file", file)
	case err == nil && unix.Access(file, unix.W_OK) != nil:
		return fmt.Errorf("access_log: %s may not be written", file)
	case err == nil:
		return nil
	}
	folder := filepath.Dir(file)
	stat, err = os.Stat(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("access_log: there is no folder %s; create it", folder)
	case err != nil:
		return fmt.Errorf("access_log: %w", err)
	case !stat.IsDir():
		return fmt.Errorf("access_log: %s is not a folder", folder)
	case unix.Access(folder, unix.W_OK|unix.X_OK) != nil:
		return fmt.Errorf("access_log: no file can be made in %s; give it to the user that purser runs as", folder)
	}
	return nil
}
