package conf

import (
	"net/netip"
	"slices"
	"time"
)

// A schema is what may be written in one table.
type schema[T any] struct {
	fields []field[T]
	tables []string // read by a schema of their own
	later  []string // promised, and refused until they are built

	sections bool // those of an app are tables in it, too
}

// A field is one key of a table and where its value goes.
type field[T any] struct {
	key    string
	read   func(into *T, value any) error
	format func(from *T) string
	copy   func(to, from *T)
	secret func(from *T) string // what format does not show; nil = it shows all
}

// differs reports whether a key has two values.
func (f field[T]) differs(a, b *T) bool {
	return f.format(a) != f.format(b) || f.secret != nil && f.secret(a) != f.secret(b)
}

// secret is a key of which format does not show all.
func secret[T any](f field[T], of func(*T) string) field[T] {
	f.secret = of
	return f
}

func at[T, V any](key string, place func(*T) *V, f form[V]) field[T] {
	return field[T]{
		key: key,
		read: func(into *T, value any) error {
			v, err := f.parse(value)
			if err == nil {
				*place(into) = v
			}
			return err
		},
		format: func(from *T) string { return f.format(*place(from)) },
		copy:   func(to, from *T) { *place(to) = *place(from) },
	}
}

var serverSchema = schema[Server]{
	fields: slices.Concat([]field[Server]{
		at("listen", func(s *Server) *[]Listen { return &s.Listen }, listensForm),
		at("https_port", func(s *Server) *int { return &s.HTTPSPort }, countForm),
		at("h2c", func(s *Server) *bool { return &s.H2C }, truthForm),
		at("admin", func(s *Server) *string { return &s.Admin }, textForm),
		at("metrics", func(s *Server) *string { return &s.Metrics }, textForm),
		at("log_level", func(s *Server) *string { return &s.LogLevel }, textForm),
		at("log_format", func(s *Server) *string { return &s.LogFormat }, textForm),
		at("log_apps", func(s *Server) *string { return &s.LogApps }, textForm),
		at("log_apps_format", func(s *Server) *string { return &s.LogAppsFormat }, textForm),
		at("log_max_size", func(s *Server) *int64 { return &s.LogMaxSize }, sizeForm),
		at("log_keep", func(s *Server) *int { return &s.LogKeep }, countForm),
		at("access_log", func(s *Server) *string { return &s.AccessLog }, textForm),
		at("access_log_format", func(s *Server) *string { return &s.AccessLogFormat }, textForm),
		at("access_log_sample", func(s *Server) *float64 { return &s.AccessLogSample }, portionForm),
		at("user", func(s *Server) *string { return &s.User }, accountForm),
		at("admin_group", func(s *Server) *string { return &s.AdminGroup }, accountForm),
		at("default_user", func(s *Server) *string { return &s.DefaultUser }, accountForm),
		at("max_processes", func(s *Server) *int { return &s.MaxProcesses }, countForm),
		at("max_spawns", func(s *Server) *int { return &s.MaxSpawns }, countForm),
		peersAt("proxy_protocol", func(s *Server) (*[]netip.Prefix, *bool) { return &s.ProxyProtocol, &s.ProxyUnix }),
		peersAt("trusted_proxies", func(s *Server) (*[]netip.Prefix, *bool) { return &s.TrustedProxies, &s.TrustUnix }),
		at("spool_limit", func(s *Server) *Share { return &s.SpoolLimit }, shareForm),
		at("buffer_memory", func(s *Server) *Share { return &s.BufferMemory }, shareForm),
		at("include", func(s *Server) *[]string { return &s.Include }, includesForm),
		at("watch_config", func(s *Server) *bool { return &s.WatchConfig }, truthForm),
	}, clientFields),
	tables: []string{"tls", "acme"},
}

var appSchema = schema[App]{
	fields: []field[App]{
		at("root", func(a *App) *string { return &a.Root }, textForm),
		at("user", func(a *App) *string { return &a.User }, accountForm),
		at("group", func(a *App) *string { return &a.Group }, accountForm),
		at("kind", func(a *App) *string { return &a.Kind }, textForm),
		at("command", func(a *App) *Command { return &a.Command }, commandForm),
		at("reload_guard", func(a *App) *bool { return &a.ReloadGuard }, truthForm),
		at("startup_file", func(a *App) *string { return &a.StartupFile }, textForm),
		at("preload", func(a *App) *bool { return &a.Preload }, truthForm),
		at("preload_idle", func(a *App) *time.Duration { return &a.PreloadIdle }, durationForm),
		at("preload_refork", func(a *App) *int { return &a.PreloadRefork }, countForm),
		at("interpreter", func(a *App) *string { return &a.Interpreter }, textForm),
		at("load_shell_env", func(a *App) *bool { return &a.LoadShellEnv }, truthForm),
		at("environment", func(a *App) *string { return &a.Environment }, textForm),
		at("env_file", func(a *App) *string { return &a.EnvFile }, textForm),
		at("env_pass", func(a *App) *[]string { return &a.EnvPass }, passesForm),
		at("hosts", func(a *App) *[]string { return &a.Hosts }, hostsForm),
		at("canonical", func(a *App) *string { return &a.Canonical }, hostForm),
		at("path", func(a *App) *string { return &a.Path }, pathForm),
		at("public", func(a *App) *string { return &a.Public }, textForm),
		at("sendfile", func(a *App) *[]string { return &a.Sendfile }, foldersForm),
		at("affinity", func(a *App) *string { return &a.Affinity }, textForm),
		at("traceparent", func(a *App) *string { return &a.Traceparent }, textForm),
		at("log", func(a *App) *string { return &a.Log }, textForm),

		at("min_processes", func(a *App) *int { return &a.MinProcesses }, countForm),
		at("max_processes", func(a *App) *int { return &a.MaxProcesses }, countForm),
		at("concurrency", func(a *App) *int { return &a.Concurrency }, concurrencyForm),

		at("idle_timeout", func(a *App) *time.Duration { return &a.IdleTimeout }, durationForm),
		at("start_timeout", func(a *App) *time.Duration { return &a.StartTimeout }, durationForm),
		at("drain_timeout", func(a *App) *time.Duration { return &a.DrainTimeout }, durationForm),
		at("websocket_drain_timeout", func(a *App) *time.Duration { return &a.WebsocketDrainTimeout }, durationForm),
		at("stop_timeout", func(a *App) *time.Duration { return &a.StopTimeout }, durationForm),
		at("websocket_close_window", func(a *App) *time.Duration { return &a.WebsocketCloseWindow }, durationForm),
		at("stop_signal", func(a *App) *string { return &a.StopSignal }, textForm),
		at("backtrace_signal", func(a *App) *string { return &a.BacktraceSignal }, textForm),
		at("max_queue", func(a *App) *int { return &a.MaxQueue }, countForm),
		at("queue_timeout", func(a *App) *time.Duration { return &a.QueueTimeout }, durationForm),
		at("request_timeout", func(a *App) *time.Duration { return &a.RequestTimeout }, durationForm),
		at("answer_stall", func(a *App) *time.Duration { return &a.AnswerStall }, durationForm),
		at("hang_after", func(a *App) *time.Duration { return &a.HangAfter }, durationForm),
		at("slow_request", func(a *App) *time.Duration { return &a.SlowRequest }, durationForm),
		at("max_requests", func(a *App) *int { return &a.MaxRequests }, countForm),
		at("max_body", func(a *App) *int64 { return &a.MaxBody }, sizeForm),
		at("buffer_request", func(a *App) *bool { return &a.BufferRequest }, truthForm),
		at("pass_trailers", func(a *App) *bool { return &a.PassTrailers }, truthForm),

		at("no_new_privs", func(a *App) *bool { return &a.Limits.NoNewPrivs }, truthForm),
		at("nice", func(a *App) *Number { return &a.Limits.Nice }, numberForm),
		at("oom_score_adj", func(a *App) *Number { return &a.Limits.OOMScoreAdj }, numberForm),
		at("memory_max", func(a *App) *int64 { return &a.Limits.MemoryMax }, sizeForm),
		at("cpu_max", func(a *App) *int { return &a.Limits.CPUMax }, cpuForm),
	},
	tables: []string{"env", "process_limits", "restart", "health", "hooks", "tls", "workers"},
	later:  []string{"memory_limit", "underscores_in_headers"},

	sections: true,
}

var processLimitsSchema = schema[ProcessLimits]{
	fields: []field[ProcessLimits]{
		at("open_files", func(p *ProcessLimits) *Number { return &p.OpenFiles }, countLimitForm),
		at("core", func(p *ProcessLimits) *Number { return &p.Core }, sizeLimitForm),
		at("address_space", func(p *ProcessLimits) *Number { return &p.AddressSpace }, sizeLimitForm),
		at("processes", func(p *ProcessLimits) *Number { return &p.Processes }, countLimitForm),
	},
}

var restartSchema = schema[Restart]{
	fields: []field[Restart]{
		at("strategy", func(r *Restart) *string { return &r.Strategy }, textForm),
		at("surge", func(r *Restart) *Amount { return &r.Surge }, amountForm),
		at("unavailable", func(r *Restart) *Amount { return &r.Unavailable }, amountForm),
		at("resist_deployment_errors", func(r *Restart) *bool { return &r.ResistDeploymentErrors }, truthForm),
		at("file", func(r *Restart) *string { return &r.File }, textForm),
		at("settle", func(r *Restart) *time.Duration { return &r.Settle }, durationForm),
		at("watch", func(r *Restart) *[]string { return &r.Watch }, globsForm),
		at("auto", func(r *Restart) *string { return &r.Auto }, textForm),
		at("switch_timeout", func(r *Restart) *time.Duration { return &r.SwitchTimeout }, durationForm),
		at("rollback_window", func(r *Restart) *time.Duration { return &r.RollbackWindow }, durationForm),
		at("max_old_generations", func(r *Restart) *int { return &r.MaxOldGenerations }, countForm),
	},
}

var healthSchema = schema[Health]{
	fields: []field[Health]{
		at("path", func(h *Health) *string { return &h.Path }, textForm),
		at("expect", func(h *Health) *Expect { return &h.Expect }, expectForm),
		at("interval", func(h *Health) *time.Duration { return &h.Interval }, durationForm),
		at("passes", func(h *Health) *int { return &h.Passes }, countForm),
		at("timeout", func(h *Health) *time.Duration { return &h.Timeout }, durationForm),
		at("host", func(h *Health) *string { return &h.Host }, textForm),
		at("warmup", func(h *Health) *[]string { return &h.Warmup }, urlsForm),
		at("probation", func(h *Health) *time.Duration { return &h.Probation }, durationForm),
	},
}

var hooksSchema = schema[Hooks]{
	fields: []field[Hooks]{
		at("before_restart", func(h *Hooks) *Command { return &h.BeforeRestart }, commandForm),
		at("after_restart", func(h *Hooks) *Command { return &h.AfterRestart }, commandForm),
		at("restart_failed", func(h *Hooks) *Command { return &h.RestartFailed }, commandForm),
		at("process_ready", func(h *Hooks) *Command { return &h.ProcessReady }, commandForm),
		at("process_gone", func(h *Hooks) *Command { return &h.ProcessGone }, commandForm),
		at("timeout", func(h *Hooks) *time.Duration { return &h.Timeout }, durationForm),
	},
}

func (s schema[T]) field(key string) (field[T], bool) {
	for _, f := range s.fields {
		if f.key == key {
			return f, true
		}
	}
	return field[T]{}, false
}

// keys is everything that may be written in the table.
func (s schema[T]) keys() []string {
	var keys []string
	for _, f := range s.fields {
		keys = append(keys, f.key)
	}
	keys = append(keys, s.tables...)
	if s.sections {
		for _, section := range sections {
			keys = append(keys, section.name)
		}
	}
	return keys
}

// hasTable reports whether a key is a table in this one, which is read by a schema of its own.
func (s schema[T]) hasTable(key string) bool {
	if _, ok := sectionOf(key); ok && s.sections {
		return true
	}
	return slices.Contains(s.tables, key)
}
