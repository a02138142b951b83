package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"purser/cmd/purser/serve"
	"purser/conf"
	"purser/spawn/keeper"
)

// serveOptions are the flags of serve. Each stands for a key of the configuration.
type serveOptions struct {
	file, name string

	listen, https        []string
	authority, email     string
	admin, accessLog     string
	logLevel, logFormat  string
	command, environment string
	kind, startupFile    string
	interpreter          string
	envFile              string
	processes            int
	concurrency          string
	env                  []string
	user, defaultUser    string
	workers              string
	serveAs              string

	sources []conf.Source // that the front before went by; nil = none
}

// appFlags are the flags about an app, which make no sense beside a file of several.
var appFlags = []string{"https", "acme-directory", "acme-email", "kind", "startup-file", "interpreter", "command", "processes", "concurrency", "env", "env-file", "environment", "user", "workers"}

func newServe() *cobra.Command {
	o := serveOptions{}
	c := &cobra.Command{
		Use:     "serve [DIR | -c FILE]",
		Short:   "Serve the app in a folder, or all apps of a configuration file",
		GroupID: "begin",
		Long: "Serve the app in DIR (default: .), whose kind is found out, or all apps of a configuration file.\n" +
			"Runs in the foreground until SIGTERM or Ctrl-C; a second one ends it at once.\n" +
			"More: purser help getting-started, purser help config, purser help signals",
		Example: "  purser serve ./blog\n  purser serve ./blog --https blog.example.org\n  purser serve --command 'node app.js' --processes 4 --listen :8080\n  purser serve -c /etc/purser/purser.toml",
		Args:    takes(0, 1, "one folder"),
		RunE: func(c *cobra.Command, args []string) error {
			var cfg *conf.Config
			read := func(left keeper.Inheritance) (err error) {
				if !keeper.IsReader() {
					o.sources, err = serve.Sources(left)
				}
				if err == nil {
					cfg, err = o.config(c.Flags(), args)
				}
				return err
			}
			k, left, err := inherit(func(left keeper.Inheritance) error {
				if err := read(left); err != nil {
					return err
				}
				return serve.Prepare(cfg, left)
			})
			if err == nil {
				err = read(left)
			}
			if err != nil {
				return err
			}
			return serveApps(serve.Config{Conf: cfg, Name: o.name, File: o.file, Load: o.reader(c.Flags(), args), Keeper: k, Left: left}, c.ErrOrStderr())
		},
	}
	o.declare(c.Flags())
	complete(c, "log-level", []string{"trace", "debug", "info", "warn", "error"})
	complete(c, "kind", []string{"ruby", "python", "node", "command"})
	complete(c, "log-format", []string{"text", "json"})
	return c
}

// reader reads the configuration again, with the same flags: another file this once, unless that is "".
func (o *serveOptions) reader(f *pflag.FlagSet, args []string) func(string, []conf.Source) (*conf.Config, error) {
	return func(file string, texts []conf.Source) (*conf.Config, error) {
		again := *o
		again.sources = texts
		switch {
		case file == "":
		case o.file == "":
			return nil, withCode(exitUsage, "this purser serves a folder; only one that was started with -c FILE can read another file")
		default:
			again.file = file
		}
		return again.config(f, args)
	}
}

func (o *serveOptions) declare(f *pflag.FlagSet) {
	f.StringVarP(&o.file, "config", "c", "", "configuration `FILE`")
	f.StringVar(&o.name, "instance", "", "`NAME` of this purser (default: that of the file or folder)")
	f.StringArrayVar(&o.listen, "listen", nil, "`ADDR` to serve on: host:port, unix:/path or systemd:NAME, https:// before it for TLS; may be repeated (default :3000)")
	f.StringArrayVar(&o.https, "https", nil, "`HOST` to serve by https on :443, and :80, with a certificate of Let's Encrypt, whose terms you accept by this; may be repeated")
	f.StringVar(&o.authority, "acme-directory", "", "with --https, the `URL` of another authority, or staging to try it out (default production)")
	f.StringVar(&o.email, "acme-email", "", "with --https, your `ADDRESS` for the authority (default none)")
	f.StringVar(&o.admin, "admin", "", "host:port on loopback for the admin API, instead of its unix socket; needs $"+tokenVariable)
	f.StringVar(&o.accessLog, "access-log", "", "off, stderr, stdout or a `PATH` (default off)")
	f.StringVar(&o.logLevel, "log-level", "", "trace, debug, info, warn or error (default info)")
	f.StringVar(&o.logFormat, "log-format", "", "text or json (default text)")
	f.StringVar(&o.command, "command", "", "`COMMAND` that starts the app; {socket}, {port} and {root} are replaced")
	f.StringVar(&o.kind, "kind", "", "`KIND` of the app: ruby, python, node or command (default: found out; purser help kinds)")
	f.StringVar(&o.startupFile, "startup-file", "", "`FILE` in the app's folder that starts it (default: found out)")
	f.StringVar(&o.interpreter, "interpreter", "", "name or `PATH` of the ruby, python or node that runs the app (default: its own, else that in PATH)")
	f.IntVar(&o.processes, "processes", 0, "run exactly `N` processes, min_processes and max_processes (default 1 to 6)")
	f.StringVar(&o.concurrency, "concurrency", "", "requests that a process takes at once: a `NUMBER` or unlimited (default by kind)")
	f.StringVar(&o.workers, "workers", "", "run programs of the app's Procfile beside it, so many of each: a `LIST` such as jobs=2,mail=1 (default none)")
	f.StringArrayVar(&o.env, "env", nil, "`NAME=VALUE` for the app's environment, or NAME for the value that purser has; may be repeated")
	f.StringVar(&o.user, "user", "", "as root, run the app as user `NAME` (default: the owner of its startup file)")
	f.StringVar(&o.serveAs, "serve-as", "", "as root, what serves runs as user `NAME`, and only what starts the apps as root (default purser, or one that is used by nobody)")
	f.StringVar(&o.defaultUser, "default-user", "", "as root, run apps whose files belong to root as user `NAME` (default nobody)")
	f.StringVar(&o.envFile, "env-file", "", "`FILE` with more variables for the app, such as .env")
	f.StringVar(&o.environment, "environment", "", "`ENV` for RAILS_ENV, NODE_ENV and so on (default: that of purser's own, else production)")
}

// config is the configuration of the file or folder, with what the flags change.
func (o *serveOptions) config(f *pflag.FlagSet, args []string) (*conf.Config, error) {
	cfg, err := o.load(args)
	if err != nil {
		return nil, err
	}
	if err := o.changeServer(f, &cfg.Server); err != nil {
		return nil, err
	}
	if o.file == "" {
		if err := o.changeHTTPS(f, cfg); err != nil {
			return nil, err
		}
	}
	if o.file == "" {
		err = o.changeApp(f, &cfg.Apps[0])
	} else {
		err = refuseAppFlags(f)
	}
	if err != nil {
		return nil, err
	}
	if o.name == "" {
		o.name = o.defaultName(cfg)
	}
	if err := checkName(o.name); err != nil {
		return nil, err
	}
	return cfg, asUsage(cfg.Validate())
}

// load reads the files, or what they were when the front before read them: what has been written there since is for
// the next reload.
func (o *serveOptions) load(args []string) (*conf.Config, error) {
	if len(o.sources) == 0 {
		return loadConfig(o.file, args)
	}
	cfg, err := conf.Reread(o.sources[0].Path, o.sources)
	return cfg, asUsage(err)
}

func (o *serveOptions) defaultName(cfg *conf.Config) string {
	if o.file == "" {
		return cfg.Apps[0].Name
	}
	base := filepath.Base(o.file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func refuseAppFlags(f *pflag.FlagSet) error {
	for _, name := range appFlags {
		if f.Changed(name) {
			return withCode(exitUsage, "--%s goes with a folder; with -c FILE, write it into the file", name)
		}
	}
	return nil
}
