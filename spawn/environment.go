package spawn

import (
	"bufio"
	"cmp"
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

// environment returns what a child sees.
func (s *Spawner) environment(c *Child) []string {
	env := environmentOf(s.app)
	maps.Copy(env, map[string]string{
		"PWD": s.app.Root,

		"PURSER_GENERATION": strconv.Itoa(c.Generation),
		"PURSER_PROCESS":    strconv.Itoa(c.Order.Process),
		"PURSER_RELEASE":    c.Path,

		"PYTHONUNBUFFERED": "1", // or the last lines before a crash never come
	})
	if s.app.Kind != kindCommand {
		env["IN_PASSENGER"] = "1"
		env["PASSENGER_APP_ENV"] = s.app.Environment
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
	s.guardReload(env)
	return pairs(env)
}

// environmentOf returns what all programs that are run for an app see; its own env is not in yet.
// It is built from the configuration and the system's account, never inherited: what the variables
// of an older release or of a service manager (NOTIFY_SOCKET, LISTEN_FDS) did to other servers
// cannot happen here.
func environmentOf(app conf.App) map[string]string {
	env := map[string]string{
		"PATH":       searchPath(app),
		"LANG":       cmp.Or(os.Getenv("LANG"), "C.UTF-8"),
		"PURSER_APP": app.Name,
	}
	if zone, set := os.LookupEnv("TZ"); set {
		env["TZ"] = zone
	}
	for _, name := range []string{"RAILS_ENV", "RACK_ENV", "NODE_ENV", "WSGI_ENV", "APP_ENV"} {
		env[name] = app.Environment
	}
	maps.Copy(env, account())
	return env
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
	return cmp.Or(app.Env["PATH"], os.Getenv("PATH"), defaultPath)
}

// lookPath finds a program as a shell in dir would, in the child's PATH instead of Purser's.
func lookPath(name, path, dir string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, folder := range filepath.SplitList(path) {
			candidates = append(candidates, filepath.Join(folder, name))
		}
	}
	for _, file := range candidates {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if isProgram(file) {
			return file, nil
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
