package spawn

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"purser/conf"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment returns what a child sees: what is built here, then what is handed on, then what is
// between purser and its children, and over all that the app's own env.
func (s *Spawner) environment(c *Child) []string {
	env := environmentOf(s.app)
	env["PWD"] = s.app.Root
	env["PYTHONUNBUFFERED"] = "1" // or the last lines before a crash never come
	s.tellPath(env)
	c.purpose().variables(s, c, env)
	maps.Copy(env, handedOn(s.app))
	maps.Copy(env, map[string]string{
		"PURSER_GENERATION": strconv.Itoa(c.Generation),
		"PURSER_PROCESS":    strconv.Itoa(c.Order.Process),
		"PURSER_INDEX":      strconv.Itoa(c.Index),
		"PURSER_RELEASE":    c.Path,
	})
	if s.isBelow() {
		env["PURSER_PATH"] = s.app.Path
	}
	if c.backtraceSignal != 0 && (s.app.Kind == kindRuby || s.app.Kind == kindPython) {
		env["PURSER_BACKTRACE_SIGNAL"] = signalName(c.backtraceSignal)
	}
	if c.endpoint.socket != "" {
		env["PURSER_SOCKET"] = c.endpoint.socket
	}
	if c.endpoint.port != 0 {
		env["PORT"] = strconv.Itoa(c.endpoint.port)
	}
	maps.Copy(env, s.app.Env)
	env["PATH"] = s.ownPrograms(c.purpose(), c.Path) + env["PATH"]
	s.guardReload(env)
	s.requireLoader(env)
	return pairs(env)
}

// isBelow reports whether the app is served below a path.
func (s *Spawner) isBelow() bool { return s.app.Path != "/" && s.app.Path != "" }

// tellPath says below which path the app is served, as Passenger and Rails have it. Where no loader of ours tells the app
// with each request, there is SCRIPT_NAME, by which gunicorn goes.
func (s *Spawner) tellPath(env map[string]string) {
	if !s.isBelow() {
		return
	}
	for _, name := range []string{"PASSENGER_BASE_URI", "RAILS_RELATIVE_URL_ROOT", "RACK_BASE_URI"} {
		env[name] = s.app.Path
	}
	if s.app.Kind == kindCommand || s.app.Kind == kindNode {
		env["SCRIPT_NAME"] = s.app.Path
	}
}

// environmentOf returns what all programs that are run for an app see; what is handed on and its own
// env are not in yet. It is built from the configuration and the system's account, never inherited:
// what the variables of an older release or of a service manager (NOTIFY_SOCKET, LISTEN_FDS) did to
// other servers cannot happen here.
func environmentOf(app conf.App) map[string]string {
	env := map[string]string{
		"PATH":       searchPath(app),
		"LANG":       language(),
		"PURSER_APP": app.Name,
	}
	if zone, set := os.LookupEnv("TZ"); set {
		env["TZ"] = zone
	}
	for _, name := range environmentNames {
		env[name] = app.Environment
	}
	maps.Copy(env, accountFor(app))
	return env
}

// environmentNames are the variables that say in which environment an app runs.
var environmentNames = []string{"RAILS_ENV", "RACK_ENV", "NODE_ENV", "WSGI_ENV", "APP_ENV"}

// language is purser's own, unless that is the one of programs that were told none: with it, Ruby and
// Python take text for ASCII.
func language() string {
	if lang := os.Getenv("LANG"); lang != "" && lang != "C" && lang != "POSIX" {
		return lang
	}
	return "C.UTF-8"
}

// kindsOfRun says in which environment an app runs: that of the configuration; else that of the first
// variable that is handed on; else production. The other variables that are handed on keep their own
// value, as if they were in env.
func kindsOfRun(app conf.App) (env map[string]string, environment string) {
	if app.Environment != "" {
		return app.Env, app.Environment
	}
	env = map[string]string{}
	for _, name := range environmentNames {
		value := os.Getenv(name)
		if passes, _ := app.Passes(name); passes && value != "" {
			env[name] = value
			environment = cmp.Or(environment, value)
		}
	}
	maps.Copy(env, app.Env)
	return env, cmp.Or(environment, "production")
}

// handedOn are the variables of purser's own environment that env_pass names.
func handedOn(app conf.App) map[string]string {
	env := map[string]string{}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if slices.Contains(environmentNames, name) {
			continue // in the app's environment and env, see kindsOfRun
		}
		passes, named := app.Passes(name)
		if passes && (named || !isBuilt(app, name)) {
			env[name] = value
		}
	}
	return env
}

// isBuilt reports whether a glob does not hand a variable on, since purser has a better value for it.
func isBuilt(app conf.App, name string) bool {
	switch name {
	case "PATH", "LANG", "TZ", "PWD", "OLDPWD", "SHLVL", "_":
		return true
	case "HOME", "USER", "LOGNAME", "SHELL", "MAIL":
		return isAnothers(app) || wasAnothers()
	case "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK":
		return isAnothers(app) // of no use to who may not enter them
	}
	return false
}

// wasAnothers reports whether purser's environment is that of another user, as after sudo -E.
func wasAnothers() bool {
	if name := os.Getenv("USER"); name != "" && name != account()["USER"] {
		return true
	}
	var stat syscall.Stat_t
	return syscall.Stat(os.Getenv("HOME"), &stat) != nil || int(stat.Uid) != os.Getuid()
}

func pairs(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// account returns HOME, USER, LOGNAME and SHELL of the current user.
var account = sync.OnceValue(func() map[string]string {
	env := map[string]string{"HOME": "/", "SHELL": cmp.Or(loginShell(os.Getuid()), "/bin/sh")}
	if u, err := user.Current(); err == nil {
		env["HOME"], env["USER"], env["LOGNAME"] = u.HomeDir, u.Username, u.Username
	}
	return env
})

// accountFor is account for the user that an app runs as.
func accountFor(app conf.App) map[string]string {
	a := app.RunsAs
	if a == nil {
		return account()
	}
	return map[string]string{"HOME": a.Home, "USER": a.User, "LOGNAME": a.User, "SHELL": a.Shell}
}

// loginShell returns the shell of a user from /etc/passwd, "" if there is none.
func loginShell(uid int) string {
	file, err := os.Open("/etc/passwd")
	if err != nil {
		return ""
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		fields := strings.Split(scanner.Text(), ":")
		if len(fields) == 7 && fields[2] == strconv.Itoa(uid) {
			return fields[6]
		}
	}
	return ""
}

// searchPath returns the PATH that an app's children have.
func searchPath(app conf.App) string {
	if path := app.Env["PATH"]; path != "" {
		return path
	}
	return strings.Join(append(slices.Clone(app.Found.Path), cmp.Or(os.Getenv("PATH"), defaultPath)), string(filepath.ListSeparator))
}

// lookPath finds a program as a shell of the app's user in dir would, in the child's PATH instead of Purser's.
func lookPath(app conf.App, name, dir string) (string, error) {
	candidates, path := []string{name}, searchPath(app)
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, folder := range filepath.SplitList(path) {
			candidates = append(candidates, filepath.Join(folder, name))
		}
	}
	closed := ""
	for i, file := range candidates {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
			candidates[i] = file
		}
		switch {
		case !isProgram(file):
		case mayRun(app, file):
			return file, nil
		case closed == "":
			closed = file
		}
	}
	if closed != "" {
		return closed, nil // the kernel says why not, or lets the user by what is beside the mode
	}
	if app.LoadShellEnv && !strings.Contains(name, "/") {
		return name, nil // the login shell looks for it in a PATH of its own
	}
	for _, file := range candidates {
		if isFile(file) {
			return "", fmt.Errorf("%s is not executable: chmod +x %s", file, file)
		}
		if strings.Contains(name, "/") && isFolder(file) == nil {
			return "", fmt.Errorf("%s is a folder, not a program", file)
		}
	}
	return "", &missingProgram{name: name, path: path}
}

func isProgram(file string) bool {
	stat, err := os.Stat(file)
	const executeOK = 1
	return err == nil && stat.Mode().IsRegular() && syscall.Access(file, executeOK) == nil
}

type missingProgram struct{ name, path string }

func (m *missingProgram) Error() string {
	if strings.Contains(m.name, "/") {
		return "there is no program " + m.name
	}
	return "there is no " + m.name + " in PATH (" + m.path + "): install it, or set PATH in the app's env"
}
