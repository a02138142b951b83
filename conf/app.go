package conf

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

func (a *App) check(t table) {
	a.checkCode(t)
	a.checkProcesses(t)
	a.checkTimeouts(t)
	t.accept("path", checkPath(a.Path))
	for i, host := range a.Hosts {
		t.accept("hosts", checkHost(host))
		t.require(!slices.Contains(a.Hosts[:i], host), "hosts", "has %s twice", described(host))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		t.in("env").accept(name, checkEnv(name, a.Env[name]))
	}
	t.require(a.Public == "" || isInside(a.Public), "public", "must be a folder inside root, relative to it, not %s", described(a.Public))
	t.require(a.EnvFile == "" || isInside(a.EnvFile) || isElsewhere(a.EnvFile), "env_file", "must be a file inside root, relative to it, or an absolute path, not %s", described(a.EnvFile))
	for _, pattern := range a.EnvPass {
		t.accept("env_pass", checkPass(pattern))
	}
	t.oneOf("affinity", a.Affinity, affinities)
	t.oneOf("traceparent", a.Traceparent, traceparents)
	t.require(a.Log == "" || isLog(a.Log), "log", `must be "stderr", "stdout" or the path of a file, not %s`, described(a.Log))
	a.Limits.check(t)
	space := a.Limits.Process.AddressSpace
	t.in("process_limits").require(a.EnvFile == "" || !space.Set || space.Value == NoLimit || space.Value >= readerSpace, "address_space", `must be at least "1GiB" with env_file, which purser's own program reads within it`)
	a.Restart.check(t.in("restart"))
	a.Health.check(t.in("health"))
	a.Hooks.check(t.in("hooks"))
	a.TLS.check(t.in("tls"))
	a.checkWorkers(t.in("workers"))
	a.checkSendfile(t)
	a.checkBufferedPaths(t)
	a.checkStaticPaths(t)
	a.checkSections(t)
	a.checkRedirects(t)
	a.checkHSTS(t)
	a.checkOwnPaths(t)
	a.checkCache(t)
}

// checkCode looks at what is run.
func (a *App) checkCode(t table) {
	t.require(a.Root != "", "root", "must name the app's folder")
	t.accept("user", checkAccount(a.User))
	t.accept("group", checkAccount(a.Group))
	t.require(a.Root == "" || filepath.IsAbs(a.Root) && !strings.ContainsRune(a.Root, 0), "root", "must be a path")
	t.oneOf("kind", a.Kind, kinds)
	t.accept("command", a.Command.check())
	t.require(a.Kind != "command" || !a.Command.IsZero(), "command", `must be given with kind = "command"`)
	started := a.Kind == "ruby" || a.Kind == "python" || a.Kind == "node"
	t.require(!started || a.Command.IsZero(), "command", `contradicts kind = "%s", which starts the app by itself; leave one out`, a.Kind)
	t.require(a.StartupFile == "" || isInside(a.StartupFile), "startup_file", "must be a file inside root, relative to it, not %s", described(a.StartupFile))
	t.require(a.StartupFile == "" || a.Command.IsZero(), "startup_file", "contradicts command; leave one out")
	t.require(a.Interpreter == "" || printable(a.Interpreter) && (!strings.Contains(a.Interpreter, "/") || filepath.IsAbs(a.Interpreter) || isInside(a.Interpreter)),
		"interpreter", "must be the name of a program, or its path, not %s", described(a.Interpreter))
	t.require(a.Interpreter == "" || a.Command.IsZero(), "interpreter", "contradicts command; leave one out")
	t.count("preload_refork", a.PreloadRefork, 0)
	t.require(a.PreloadRefork <= 0 || a.Preload, "preload_refork", "needs preload = true")
	t.require(a.PreloadRefork <= 0 || a.Kind != "python" && a.Kind != "node", "preload_refork", "is for Ruby only; leave it out")
	t.require(a.Environment == "" || isToken(a.Environment), "environment", `must be one word such as "production", not %s`, described(a.Environment))
}

func (a *App) checkProcesses(t table) {
	t.count("min_processes", a.MinProcesses, 0)
	t.count("max_processes", a.MaxProcesses, 1)
	t.require(a.MinProcesses <= a.MaxProcesses, "min_processes", "is %d, more than max_processes, which is %d", a.MinProcesses, a.MaxProcesses)
	t.require(Unlimited <= a.Concurrency && a.Concurrency <= maxCount, "concurrency", `must be a number from 0 (by kind) or "unlimited"`)
	t.count("max_queue", a.MaxQueue, 0)
	t.count("max_requests", a.MaxRequests, 0)
	t.require(a.MaxBody >= 0, "max_body", `must be a size from "0" (unlimited)`)
	t.oneOf("stop_signal", a.StopSignal, stopSignals)
	t.oneOf("backtrace_signal", a.BacktraceSignal, traceSignals)
	t.require(a.BacktraceSignal != a.StopSignal || !slices.Contains(traceSignals, a.BacktraceSignal), "backtrace_signal", "is the same as stop_signal, which was sent before; choose another or \"none\"")
}

func (a *App) checkTimeouts(t table) {
	t.orOff("idle_timeout", a.IdleTimeout)
	t.positive("start_timeout", a.StartTimeout)
	t.positive("drain_timeout", a.DrainTimeout)
	t.positive("websocket_drain_timeout", a.WebsocketDrainTimeout)
	t.orOff("websocket_close_window", a.WebsocketCloseWindow)
	t.positive("stop_timeout", a.StopTimeout)
	t.orOff("queue_timeout", a.QueueTimeout)
	t.orOff("request_timeout", a.RequestTimeout)
	t.orOff("answer_stall", a.AnswerStall)
	t.orOff("hang_after", a.HangAfter)
	t.orOff("slow_request", a.SlowRequest)
}

func (r *Restart) check(t table) {
	t.oneOf("strategy", r.Strategy, Strategies)
	r.Surge.check(t, "surge")
	r.Unavailable.check(t, "unavailable")
	t.require(r.Surge != Amount{} || r.Unavailable != Amount{}, "surge",
		"and unavailable are both 0, so that nothing could ever be replaced; set unavailable = 1 to stop one process before its replacement starts")
	t.require(r.File == "" || isInside(r.File) || isElsewhere(r.File), "file", "must be a file inside root, relative to it, or an absolute path, not %s", described(r.File))
	t.require(filepath.Base(r.File) != "restart.status", "file", "must not be restart.status, which purser writes")
	t.positive("settle", r.Settle)
	for _, glob := range r.Watch {
		t.accept("watch", checkGlob(glob))
	}
	t.oneOf("auto", r.Auto, automatics)
	t.orOff("switch_timeout", r.SwitchTimeout)
	t.orOff("rollback_window", r.RollbackWindow)
	t.count("max_old_generations", r.MaxOldGenerations, 1)
}

func (a Amount) check(t table, key string) {
	t.require(0 <= a.Percent && a.Percent <= 100, key, "must be a share from 1%% to 100%%")
	t.require(a.Percent > 0 || 0 <= a.Count && a.Count <= maxCount, key, "must be a number from 0 to %d", maxCount)
}

func (h *Health) check(t table) {
	t.require(h.Path == "" || isURLPath(h.Path), "path", `must be "" (a connection is enough) or begin with "/" and be printable ASCII without space and "#", not %s`, described(h.Path))
	t.positive("interval", h.Interval)
	t.count("passes", h.Passes, 1)
	t.positive("timeout", h.Timeout)
	if h.Host != "" {
		t.accept("host", checkHost(h.Host))
		t.require(!strings.HasPrefix(h.Host, "*"), "host", "must be one host, not %s", described(h.Host))
	}
	t.orOff("probation", h.Probation)
}

func (h *Hooks) check(t table) {
	for _, hook := range h.All() {
		t.accept(hook.Key, hook.Command.check())
	}
	t.positive("timeout", h.Timeout)
}

// A Hook is one of the commands of Hooks, with its key.
type Hook struct {
	Key     string
	Command Command
}

// All are the hooks, also those for which no command was written.
func (h *Hooks) All() []Hook {
	return []Hook{
		{"before_restart", h.BeforeRestart},
		{"after_restart", h.AfterRestart},
		{"restart_failed", h.RestartFailed},
		{"process_ready", h.ProcessReady},
		{"process_gone", h.ProcessGone},
	}
}

func isURLPath(s string) bool {
	_, err := url.ParseRequestURI(s) // refuses a "%" without its digits
	return err == nil && strings.HasPrefix(s, "/") && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '#'
	})
}

// parseURL reads a path with or without a query.
func parseURL(s string) (string, error) {
	if !isURLPath(s) {
		return "", fmt.Errorf(`must be paths that begin with "/" and are printable ASCII without space and "#", not %s`, described(s))
	}
	return s, nil
}

// isInside reports whether a path is that of something below the folder it is relative to.
func isInside(path string) bool {
	return filepath.IsLocal(path) && filepath.Clean(path) != "." && printable(path)
}

// isElsewhere reports whether a path is absolute and names something in a folder.
func isElsewhere(path string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && path != "/" && printable(path)
}

func isName(s string) bool {
	return isToken(s) && len(s) <= maxName && s[0] != '-' && s[0] != '.'
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isNameLetter(r) })
}

func isNameLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-.", r)
}
