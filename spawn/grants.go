package spawn

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"purser/conf"
	"purser/spawn/keeper"
	"purser/spawn/loader"
)

// This file is about a purser whose front may run only what a reader of the configuration has granted it: which
// templates there are for an app, and which of them starts a process now.

// WriteLoaders writes the loaders into the folder of a purser whose front may not do that.
func WriteLoaders(folder string) error { return loader.Write(filepath.Join(folder, loaders), true) }

const (
	processGrant = "process" // followed by "/" and what the release has, if that makes a difference
	HookGrant    = "hook/"   // begins the names of those of hooks
)

// What a release may have on which it depends how it is started.
const (
	withRails = "/rails"
)

// hookVariables are those that tell a hook what has happened.
var hookVariables = []string{"PURSER_APP", "PURSER_EVENT", "PURSER_ROOT", "PURSER_GENERATION", "PURSER_PID", "PURSER_PROCESS", "PURSER_REASON", "PURSER_RESTART",
	"PURSER_RELEASE", "PURSER_BY", "PURSER_STRATEGY"}

// Grants are what a front may have run for an app as Detect returned it, by what App.Grants calls it; folder is the one
// of this purser. What cannot be run, as its program is not there, is left out: who wants it is told so.
func Grants(app conf.App, folder string) map[string]keeper.Grant {
	all := map[string]keeper.Grant{}
	s := New(nil, app, folder, nil)
	s.folder = fixedFolder(folder)
	for with, argv := range s.templates() {
		if g, found := s.processGrant(with, launched(s.app, argv, keeper.SlotRelease)); found {
			all[processGrant+with] = g
		}
	}
	for _, w := range app.Workers {
		if g, found := s.workerTemplate(w); found {
			all[workerGrant+w.Name] = g
		}
	}
	for _, hook := range app.Hooks.All() {
		if g, found := hookTemplate(&Hook{App: app, Name: hook.Key, Command: hook.Command}); found {
			all[HookGrant+hook.Key] = g
		}
	}
	return all
}

// DNSGrant is what a front may have run to change the DNS, with three words behind it.
func DNSGrant(command []string, as *keeper.User) (keeper.Grant, bool) {
	g, found := hookTemplate(&Hook{Name: "dns_exec", Command: conf.Command{Args: command}, Dir: "/"})
	g.User = as
	g.Args = append(g.Args, keeper.SlotWord, keeper.SlotWord, keeper.SlotWord)
	return g, found
}

// templates are the command lines of an app, by what the release has.
func (s *Spawner) templates() map[string][]string {
	socket := keeper.SlotFolder + "/" + keeper.SocketName
	literal := func(name string) string { return keeper.Literal(name) }
	load := func(name string) string { return literal(filepath.Join(s.folder.path, loaders, name)) }
	startup := literal(s.app.StartupFile)
	switch {
	case !s.app.Command.IsZero():
		return s.commandTemplates(socket)
	case s.app.Kind == kindNode:
		return map[string][]string{"": nodeArgv("node", load, startup)}
	case s.app.Kind == kindPython:
		return s.pythonTemplates(load, startup, socket)
	case s.app.Kind == kindRuby:
		return map[string][]string{"": s.rubyArgv(load, startup, socket)}
	}
	return nil
}

// commandTemplates are those of a command that is written, or was found in the folder.
func (s *Spawner) commandTemplates(socket string) map[string][]string {
	replace := strings.NewReplacer("{socket}", socket, "{port}", keeper.SlotPort, "{root}", keeper.SlotRelease, "\x01", "\x01\x01").Replace
	argv := commandTemplate(s.app.Command, replace)
	return map[string][]string{"": argv, withRails: slices.Clone(argv)}
}

func (s *Spawner) processGrant(with string, argv []string) (g keeper.Grant, found bool) {
	return s.grant(argv, s.templateEnvironment(with), s.app.Kind == kindCommand && s.app.Command.Shell != "")
}

// grant is what a front may have run in a release; shell says that a shell reads it.
func (s *Spawner) grant(argv, env []string, shell bool) (g keeper.Grant, found bool) {
	if len(argv) == 0 {
		return g, false
	}
	path, err := templatePath(argv[0], s.app)
	if err != nil {
		return g, false
	}
	path, argv = withEnvFile(s.app, path, argv, keeper.Literal)
	return keeper.Grant{
		User: userOf(s.app), Limits: limitsOf(s.app), Group: groupOfApp(s.app), Path: path, Dir: keeper.SlotRelease, Args: argv, Env: env, Root: s.app.Root,
		Shell: shell,
	}, true
}

// templatePath is where a program is: in a release, or in PATH as it is now.
func templatePath(program string, app conf.App) (string, error) {
	switch {
	case strings.HasPrefix(program, keeper.SlotRelease), filepath.IsAbs(program):
		return program, nil
	case strings.Contains(program, "/"):
		return keeper.SlotRelease + "/" + filepath.Clean(program), nil
	}
	path, err := lookPath(app, program, app.Root)
	return keeper.Literal(path), err
}

// templateEnvironment is the environment of a process, with slots for what each has of its own.
func (s *Spawner) templateEnvironment(with string) []string {
	e := &endpoint{folder: "folder"}
	wantsSocket, wantsPort := offers(s.app)
	slots := map[string]string{}
	if wantsSocket {
		e.socket, slots["PURSER_SOCKET"] = "socket", keeper.SlotFolder+"/"+keeper.SocketName
	}
	if wantsPort {
		e.port, slots["PORT"] = 1, keeper.SlotPort
	}
	c := &Child{Order: Order{Path: "/nonexistent"}, endpoint: e}
	c.backtraceSignal, _ = backtraceSignal(s.app) // what is wrong with it is said at the start
	if with == withRails {
		slots["PIDFILE"] = keeper.SlotFolder + "/server.pid"
	}
	return s.template(c, slots)
}

// template is the environment of a child with slots in it: those that all have, and its own.
func (s *Spawner) template(c *Child, slots map[string]string) []string {
	env := map[string]string{}
	for _, variable := range s.environment(c) {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = keeper.Literal(value)
	}
	all := map[string]string{"PURSER_GENERATION": keeper.SlotGeneration, "PURSER_PROCESS": keeper.SlotProcess, "PURSER_INDEX": keeper.SlotIndex, "PURSER_RELEASE": keeper.SlotRelease}
	maps.Copy(all, slots)
	for name, slot := range all {
		if _, set := s.app.Env[name]; !set {
			env[name] = slot
		}
	}
	first := s.ownPrograms(c.purpose(), c.Path)
	env["PATH"] = s.ownPrograms(c.purpose(), keeper.SlotRelease) + strings.TrimPrefix(env["PATH"], first)
	return pairs(env)
}

func hookTemplate(h *Hook) (g keeper.Grant, found bool) {
	argv, dir := h.argv(), h.dir()
	if len(argv) == 0 {
		return g, false
	}
	path, err := lookPath(h.App, argv[0], dir)
	if err != nil {
		return g, false
	}
	g = keeper.Grant{User: userOf(h.App), Dir: keeper.Literal(dir), Variables: hookVariables}
	for _, arg := range argv {
		g.Args = append(g.Args, keeper.Literal(arg))
	}
	g.Path, g.Args = withEnvFile(h.App, keeper.Literal(path), g.Args, keeper.Literal)
	for _, variable := range h.environment(dir, nil) {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(hookVariables, name) || h.App.Env[name] != "" {
			g.Env = append(g.Env, keeper.Literal(variable))
		}
	}
	return g, true
}

// errNotGranted is why nothing is run that was not there when it was looked for.
var errNotGranted = errors.New("its program was not there when purser looked for it; run purser restart")

// notGranted says why the keeper has not run a program.
func notGranted(app conf.App, p keeper.Program, dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EDQUOT):
		return errors.New("it cannot be held to its memory_max and cpu_max; purser's log says why")
	case errors.Is(err, syscall.ETIMEDOUT):
		return errors.New("its program did not run in time: the file system that it is on does not answer, or somebody has stopped it (SIGSTOP)")
	case p.Grant == 0:
		return cannotRun(app, p.Path, dir, err)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("purser may not run it in %s: that is no release of the folder %s that is configured", dir, app.Root)
	case errors.Is(err, syscall.EACCES):
		if closed := closedTo(app.RunsAs, dir); closed != nil {
			return closed
		}
		return fmt.Errorf("user %s may not enter the folder %s, or not run the program that starts the app: change the modes, or set user", app.RunsAs.User, dir)
	}
	return fmt.Errorf("cannot run the program that starts it: %w", err)
}

// granted is how a front has the keeper start a child.
func (s *Spawner) granted(c *Child) (p keeper.Program, err error) {
	if _, err := os.Stat(filepath.Join(c.Order.Path, s.app.StartupFile)); errors.Is(err, fs.ErrNotExist) {
		return p, checkStartupFile(s.app, c.Order.Path)
	}
	number, granted := s.app.Grants[processGrant+s.with(c.Order.Path)]
	if !granted {
		if _, err := s.argv(c.Order, c.endpoint); err != nil {
			return p, err
		}
		return p, errNotGranted
	}
	return keeper.Program{Grant: number, Fill: keeper.Filling{
		Release: c.Order.Path, Folder: c.endpoint.number, Port: c.endpoint.port, Process: c.Order.Process, Index: c.Index, Generation: c.Generation,
	}}, nil
}

// with is what a release has on which it depends how it is started, as far as the front may look into it.
func (s *Spawner) with(release string) string {
	switch s.app.Kind {
	case kindPython:
		if folder := pythonFolder(release); folder != "" {
			return "/" + folder
		}
	case kindCommand:
		if isFile(filepath.Join(release, "bin/rails")) {
			return withRails
		}
	}
	return ""
}

// grantedEndpoint is an endpoint whose folder the keeper makes.
func (s *Spawner) grantedEndpoint() (*endpoint, error) {
	e := &endpoint{owner: int(s.app.RunsAs.UID)}
	var number uint32
	for name, one := range s.app.Grants {
		if strings.HasPrefix(name, processGrant) {
			number = max(number, one)
		}
	}
	var err error
	if e.number, e.folder, err = s.keeper.MakeFolder(number); err != nil {
		return nil, errors.Join(errors.New("cannot make a socket folder"), err)
	}
	e.open = func() error { return s.keeper.OpenSocket(e.number) }
	e.leave = func() { s.keeper.LeaveFolder(e.number) }
	if err := e.offer(s.app); err != nil {
		e.leave()
		return nil, err
	}
	return e, nil
}

// granted is how a front has the keeper run a hook.
func (h *Hook) granted(variables map[string]string) (p keeper.Program, err error) {
	name := HookGrant + h.Name
	number, granted := h.App.Grants[name]
	if !granted {
		return p, errNotGranted
	}
	told := maps.Clone(variables)
	maps.DeleteFunc(told, func(name, _ string) bool { return h.App.Env[name] != "" || !slices.Contains(hookVariables, name) })
	for name, value := range told {
		told[name] = printable(value)
	}
	return keeper.Program{Grant: number, Fill: keeper.Filling{Words: h.Words, Env: pairs(told)}}, nil
}
