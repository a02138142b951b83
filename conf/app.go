package conf

import (
	"maps"
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
	a.Restart.check(t.in("restart"))
	a.Health.check(t.in("health"))
}

// checkCode looks at what is run.
func (a *App) checkCode(t table) {
	t.require(a.Root != "", "root", "must name the app's folder")
	t.require(a.Root == "" || filepath.IsAbs(a.Root) && !strings.ContainsRune(a.Root, 0), "root", "must be a path")
	t.oneOf("kind", a.Kind, kinds)
	t.accept("command", a.Command.check())
	t.require(a.Kind != "command" || !a.Command.IsZero(), "command", `must be given with kind = "command"`)
	started := a.Kind == "ruby" || a.Kind == "python" || a.Kind == "node"
	t.require(!started || a.Command.IsZero(), "command", `contradicts kind = "%s", which starts the app by itself; leave one out`, a.Kind)
	t.require(a.StartupFile == "" || isInside(a.StartupFile), "startup_file", "must be a file inside root, relative to it, not %s", described(a.StartupFile))
	t.require(a.StartupFile == "" || a.Command.IsZero(), "startup_file", "contradicts command; leave one out")
	t.require(isToken(a.Environment), "environment", `must be one word such as "production", not %s`, described(a.Environment))
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
}

func (a *App) checkTimeouts(t table) {
	t.orOff("idle_timeout", a.IdleTimeout)
	t.positive("start_timeout", a.StartTimeout)
	t.positive("drain_timeout", a.DrainTimeout)
	t.positive("websocket_drain_timeout", a.WebsocketDrainTimeout)
	t.positive("stop_timeout", a.StopTimeout)
	t.orOff("queue_timeout", a.QueueTimeout)
	t.orOff("request_timeout", a.RequestTimeout)
}

func (r *Restart) check(t table) {
	if slices.Contains(laterStrategies, r.Strategy) {
		t.in("strategy").refuse("%s is not supported yet; allowed: rolling", described(r.Strategy))
	} else {
		t.oneOf("strategy", r.Strategy, strategies)
	}
	t.require(0 <= r.Surge.Percent && r.Surge.Percent <= 100, "surge", "must be a share from 1%% to 100%%")
	t.require(r.Surge.Percent > 0 || 1 <= r.Surge.Count && r.Surge.Count <= maxCount, "surge",
		`must be at least 1: 0 needs "unavailable", which is not supported yet`)
	t.require(r.File == "" || isInside(r.File), "file", "must be a file inside root, relative to it, not %s", described(r.File))
	t.require(filepath.Base(r.File) != "restart.status", "file", "must not be restart.status, which purser writes")
	t.positive("settle", r.Settle)
}

func (h *Health) check(t table) {
	ok := h.Path == "" || strings.HasPrefix(h.Path, "/") && !strings.ContainsFunc(h.Path, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '#'
	})
	t.require(ok, "path", `must be "" (a connection is enough) or begin with "/" and be printable ASCII without space and "#", not %s`, described(h.Path))
	t.positive("timeout", h.Timeout)
}

// isInside reports whether a path is that of something below the folder it is relative to.
func isInside(path string) bool {
	return filepath.IsLocal(path) && filepath.Clean(path) != "." && printable(path)
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
