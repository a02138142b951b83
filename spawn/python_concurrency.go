package spawn

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"purser/conf"
	"purser/spawn/kind"
)

// This file says how many requests at once a Python app is made for, where nobody has written a concurrency. The pool
// wants to know before a process runs, so files are read and not run; where that was wrong, the loader tells.

// greenConnections is what gunicorn gives a worker of gevent or eventlet if it is told nothing.
const greenConnections = 1000

func pythonConcurrency(app conf.App) int {
	if definesASGI(app.Root, app.StartupFile, 3) {
		return conf.Unlimited
	}
	settings := gunicornSettings(app)
	switch settings["worker_class"] {
	case "gevent", "eventlet":
		return numberOr(settings["worker_connections"], greenConnections)
	}
	return numberOr(settings["threads"], 1)
}

func numberOr(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// asgiText is what only modules have that define an app of ASGI.
var asgiText = regexp.MustCompile(`(?m)^async\s+def\s+(application|app)\b|^\s*(from|import)\s+(fastapi|starlette|quart|litestar|channels)\b|\bget_asgi_application\b|\bASGIApp\(`)

// importedApp is the module that an app is imported from.
var importedApp = regexp.MustCompile(`(?m)^from\s+([\w.]+)\s+import\s+\(?.*\b(application|app|create_app|make_app)\b`)

// definesASGI looks into a module, and into the one that its app comes from, and so on for a few steps.
func definesASGI(root, file string, steps int) bool {
	text, err := kind.ReadFile(filepath.Join(root, file))
	switch {
	case err != nil || steps == 0:
		return false
	case filepath.Base(file) == "asgi.py" || asgiText.Match(text):
		return true
	}
	from := importedApp.FindSubmatch(text)
	if from == nil {
		return false
	}
	folder, module := ".", strings.ReplaceAll(string(from[1]), ".", "/")
	if strings.HasPrefix(module, "/") { // from .main import app
		folder = filepath.Dir(file)
	}
	return slices.ContainsFunc([]string{module + ".py", module + "/__init__.py"}, func(name string) bool {
		name = filepath.Join(folder, name)
		return filepath.IsLocal(name) && definesASGI(root, name, steps-1)
	})
}

var (
	gunicornSetting = regexp.MustCompile(`(?m)^(threads|worker_class|worker_connections)\s*=\s*(.+?)\s*(?:#.*)?$`)
	// gunicornLiteral is "4", "'gevent'", or a variable of the environment with what holds without it.
	gunicornLiteral = regexp.MustCompile(`^(?:int\()?(?:os\.(?:environ\.get|getenv)\(\s*['"](\w+)['"]\s*,\s*)?['"]?([\w.]+)['"]?\)*$`)
	gunicornFlag    = regexp.MustCompile(`(?:^|\s)(--threads|--worker-class|-k|--worker-connections)[=\s]\s*(\S+)`)
	gunicornFlags   = map[string]string{"--threads": "threads", "--worker-class": "worker_class", "-k": "worker_class", "--worker-connections": "worker_connections"}
)

// gunicornSettings are those of an app that can be read without running it.
func gunicornSettings(app conf.App) map[string]string {
	env := handedOn(app)
	maps.Copy(env, app.Env)
	settings := map[string]string{}
	text, _ := kind.ReadFile(filepath.Join(app.Root, "gunicorn.conf.py"))
	for _, line := range gunicornSetting.FindAllStringSubmatch(string(text), -1) {
		if value := gunicornLiteral.FindStringSubmatch(line[2]); value != nil {
			settings[line[1]] = cmp.Or(env[value[1]], value[2])
		}
	}
	for _, flag := range gunicornFlag.FindAllStringSubmatch(env["GUNICORN_CMD_ARGS"], -1) {
		settings[gunicornFlags[flag[1]]] = strings.Trim(flag[2], `'"`)
	}
	return settings
}
