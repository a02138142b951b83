package conf

// An effect is what it takes for a changed key to be gone by, while purser runs.
type effect uint8

const (
	unknownEffect effect = iota
	atOnce               // nothing: it holds from now on, or for what starts next
	byRestart            // other processes: they are started with it
	byThreads            // byRestart where a process has so many threads, else atOnce
	byPurser             // another purser
)

// effects are those of all keys, by their table. "" is the table itself.
type effects map[string]effect

var serverEffects = effects{
	"listen": atOnce, "https_port": atOnce, "log_level": atOnce, "log_apps": atOnce, "log_apps_format": atOnce, "access_log": atOnce, "access_log_format": atOnce, "access_log_sample": atOnce,
	"max_processes": atOnce, "max_spawns": atOnce, "trusted_proxies": atOnce, "proxy_protocol": atOnce, "spool_limit": atOnce, "buffer_memory": atOnce, "include": atOnce, "watch_config": atOnce,
	"tls.cert": atOnce, "tls.key": atOnce,
	"acme.email": atOnce, "acme.directory": atOnce, "acme.storage": atOnce, "acme.ca": atOnce, "acme.dns_exec": atOnce,
	"acme.eab_kid": atOnce, "acme.eab_hmac": atOnce,
	"h2c": atOnce, "metrics": atOnce, "log_format": atOnce, "log_max_size": atOnce, "log_keep": atOnce,
	"head_timeout": atOnce, "body_timeout": atOnce, "body_min_rate": atOnce, "send_timeout": atOnce, "send_min_rate": atOnce,
	"keepalive_timeout": atOnce, "keepalive_requests": atOnce, "max_connections": atOnce, "max_connections_per_address": atOnce,
	"default_user": atOnce, // an app that is another's by it is started anew
	"admin":        byPurser, "user": byPurser, "admin_group": byPurser,
}

var appEffects = effects{
	"root": byRestart, "user": byRestart, "group": byRestart, "kind": byRestart, "command": byRestart, "reload_guard": byRestart, "startup_file": byRestart, "interpreter": byRestart, "load_shell_env": byRestart,
	"preload": byRestart, "preload_idle": byRestart, "preload_refork": byRestart,
	"environment": byRestart, "env": byRestart, "env_file": byRestart, "env_pass": byRestart, "path": byRestart,
	"stop_signal": byRestart, "backtrace_signal": byRestart,
	"concurrency":  byThreads,
	"no_new_privs": byRestart, "nice": byRestart, "oom_score_adj": byRestart, "memory_max": byRestart, "cpu_max": byRestart,
	"process_limits.open_files": byRestart, "process_limits.core": byRestart, "process_limits.address_space": byRestart, "process_limits.processes": byRestart,

	"hosts": atOnce, "canonical": atOnce, "public": atOnce, "sendfile": atOnce, "affinity": atOnce, "traceparent": atOnce, "log": atOnce, "min_processes": atOnce, "max_processes": atOnce,
	"idle_timeout": atOnce, "start_timeout": atOnce, "drain_timeout": atOnce, "websocket_drain_timeout": atOnce, "stop_timeout": atOnce,
	"websocket_close_window": atOnce, "max_queue": atOnce, "queue_timeout": atOnce, "request_timeout": atOnce, "answer_stall": atOnce,
	"hang_after": atOnce, "slow_request": atOnce, "max_requests": atOnce, "max_body": atOnce, "buffer_request": atOnce, "pass_trailers": atOnce,

	"restart.strategy": atOnce, "restart.surge": atOnce, "restart.unavailable": atOnce, "restart.resist_deployment_errors": atOnce,
	"restart.file": atOnce, "restart.settle": atOnce, "restart.watch": atOnce, "restart.auto": atOnce, "restart.switch_timeout": atOnce,
	"restart.rollback_window": atOnce, "restart.max_old_generations": atOnce,

	"health.path": atOnce, "health.expect": atOnce, "health.interval": atOnce, "health.passes": atOnce, "health.timeout": atOnce,
	"health.host": atOnce, "health.warmup": atOnce, "health.probation": atOnce,

	"hooks.before_restart": atOnce, "hooks.after_restart": atOnce, "hooks.restart_failed": atOnce, "hooks.process_ready": atOnce,
	"hooks.process_gone": atOnce, "hooks.timeout": atOnce,

	"tls.cert": atOnce, "tls.key": atOnce, "tls.client_ca": atOnce, "tls.redirect": atOnce,
	"tls.hsts": atOnce, "tls.hsts_subdomains": atOnce, "tls.hsts_preload": atOnce,
}

// of is the effect of a key that app has.
func (e effects) of(key string, app *App) effect {
	switch effect := e[key]; {
	case effect != byThreads:
		return effect
	case app.Kind == "ruby" || app.Kind == "python":
		return byRestart
	}
	return atOnce
}
