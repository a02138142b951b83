package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"purser/conf"
)

// This file is what the flags of serve are in the configuration.

func (o *serveOptions) changeServer(f *pflag.FlagSet, s *conf.Server) error {
	if f.Changed("listen") {
		s.Listen = nil
	}
	for _, address := range o.listen {
		place, err := conf.ParseListen(address)
		if err != nil {
			return withCode(exitUsage, "--listen %w", err)
		}
		s.Listen = append(s.Listen, place)
	}
	change(f, "admin", &s.Admin, o.admin)
	change(f, "log-level", &s.LogLevel, o.logLevel)
	change(f, "log-format", &s.LogFormat, o.logFormat)
	change(f, "default-user", &s.DefaultUser, o.defaultUser)
	change(f, "serve-as", &s.User, o.serveAs)
	if f.Changed("access-log") {
		path, err := logPath(o.accessLog)
		if err != nil {
			return err
		}
		s.AccessLog = path
	}
	return nil
}

// changeHTTPS is what --https stands for. Another --listen wins over its ports.
func (o *serveOptions) changeHTTPS(f *pflag.FlagSet, cfg *conf.Config) error {
	for _, flag := range []string{"acme-directory", "acme-email"} {
		if f.Changed(flag) && len(o.https) == 0 {
			return withCode(exitUsage, "--%s goes with --https HOST", flag)
		}
	}
	if len(o.https) == 0 {
		return nil
	}
	if !f.Changed("listen") {
		cfg.Server.Listen = []conf.Listen{{Network: "tcp", Address: ":80"}, {Network: "tcp", Address: ":443", TLS: true}}
	}
	acme := &cfg.Server.ACME
	acme.On = true
	change(f, "acme-email", &acme.Email, o.email)
	if o.authority != "" {
		acme.Directory = []string{o.authority}
	}
	for _, host := range o.https {
		cfg.Apps[0].Hosts = append(cfg.Apps[0].Hosts, strings.ToLower(host))
	}
	return nil
}

func (o *serveOptions) changeApp(f *pflag.FlagSet, a *conf.App) error {
	change(f, "command", &a.Command.Shell, o.command)
	change(f, "kind", &a.Kind, o.kind)
	change(f, "startup-file", &a.StartupFile, o.startupFile)
	change(f, "interpreter", &a.Interpreter, o.interpreter)
	change(f, "environment", &a.Environment, o.environment)
	change(f, "env-file", &a.EnvFile, o.envFile)
	change(f, "user", &a.User, o.user)
	change(f, "processes", &a.MinProcesses, o.processes)
	change(f, "processes", &a.MaxProcesses, o.processes)
	if f.Changed("concurrency") {
		n, err := conf.ParseConcurrency(o.concurrency)
		if err != nil {
			return withCode(exitUsage, "--concurrency %w", err)
		}
		a.Concurrency = n
	}
	if f.Changed("workers") {
		workers, err := conf.ParseWorkers(o.workers)
		if err != nil {
			return withCode(exitUsage, "--workers %w", err)
		}
		for _, w := range workers {
			a.SetWorker(w)
		}
	}
	for _, variable := range o.env {
		name, value, err := envFlag(variable)
		if err != nil {
			return withCode(exitUsage, "--env %w", err)
		}
		a.Env[name] = value
	}
	return nil
}

// envFlag reads NAME=VALUE, or a NAME whose value is that of purser's own environment.
func envFlag(variable string) (name, value string, err error) {
	if strings.Contains(variable, "=") {
		return conf.ParseEnv(variable)
	}
	value, set := os.LookupEnv(variable)
	if !set {
		return "", "", fmt.Errorf("%s: purser's own environment has no such variable; write NAME=VALUE to set one", variable)
	}
	return conf.ParseEnv(variable + "=" + value)
}

// change sets a key if its flag was given, be it to "".
func change[T any](f *pflag.FlagSet, flag string, key *T, value T) {
	if f.Changed(flag) {
		*key = value
	}
}

// logPath leaves the words and makes a path absolute.
func logPath(s string) (string, error) {
	if s == "off" || s == "stderr" || s == "stdout" {
		return s, nil
	}
	path, err := filepath.Abs(s)
	if err != nil {
		return "", withCode(exitUsage, "--access-log %s: %w", s, err)
	}
	return path, nil
}
