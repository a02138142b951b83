package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/spawn"
	"purser/status"
)

// fitness says what of a valid configuration this machine does not have, or purser could not serve with,
// all of it at once. Nothing is changed.
func fitness(cfg *conf.Config, apps []conf.App) error {
	_, err := adminToken(cfg.Server)
	wrong := []error{err, checkRuntimeFolder(), checkLogFolder("access_log", cfg.Server.AccessLog), checkLogsOfApps(apps)}
	for _, place := range cfg.Server.Listen {
		wrong = append(wrong, checkPlace("listen", place))
	}
	for key, address := range map[string]string{"admin": cfg.Server.Admin, "metrics": cfg.Server.Metrics} {
		if address != "" {
			wrong = append(wrong, checkPlace(key, conf.Listen{Network: "tcp", Address: address}))
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

// checkRuntimeFolder says why the folder for sockets could not be used, if it is there.
func checkRuntimeFolder() error {
	dir := status.RuntimeDir()
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return status.CheckRuntimeDir(dir)
}

// checkPlace says why nobody could listen at a place, be its port free or not: a purser may have it, or be about to.
func checkPlace(key string, place conf.Listen) error {
	switch place.Network {
	case "unix":
		if stat, err := os.Lstat(place.Address); err == nil && stat.Mode().Type() != os.ModeSocket {
			return fmt.Errorf("%s: there is a file %s that is no socket; move it away", key, place.Address)
		}
		return checkFolder(key, filepath.Dir(place.Address))
	case "tcp":
		host, _, err := net.SplitHostPort(place.Address)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		tried, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return fmt.Errorf("%s: cannot listen on %s: %s is no address of this machine", key, place.Address, host)
		}
		return tried.Close()
	}
	return nil
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
