package keeper

import (
	"os"
	"path/filepath"
	"testing"
)

// An interpreter runs a script in a fork source: what is done when the app is loaded, and what each process does.
type interpreter struct {
	path          string
	waits, starts string // apps that do so when they are loaded
	program       func(loader, load string) []string
}

var interpreters = map[string]interpreter{
	"python": {
		path:   "/usr/bin/python3",
		waits:  "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
		starts: "os.system('test -e /proc/$$/fd/3; echo has-no-socket $?')",
		program: func(loader, load string) []string {
			return []string{"-uc", "import os, signal, sys, time; sys.path.insert(0, '" + loader + "'); import purser_source\n" +
				"purser_source.run(lambda: " + load + ")\n" +
				"os.write(1, ('forked%s %d\\n' % (os.environ['PURSER_PROCESS'], os.getpid())).encode())\ntime.sleep(3600)"}
		},
	},
	"ruby": {
		path:   "/usr/bin/ruby",
		waits:  "Signal.trap('CLD', 'IGNORE')",
		starts: "system('test -e /proc/$$/fd/3; echo has-no-socket $?')",
		program: func(loader, load string) []string {
			return []string{"-r", loader + "/ruby_source.rb", "-e", "PurserSource.run { " + load + " }\n" +
				"$stdout.syswrite(\"forked#{ENV['PURSER_PROCESS']} #{Process.pid}\\n\")\nsleep"}
		},
	},
}

// loads is the program of a source whose app does something when it is loaded. Before it may be another program.
func (h *house) loads(i interpreter, load string, before ...string) Program {
	h.t.Helper()
	if _, err := os.Stat(i.path); err != nil {
		h.t.Skip(err)
	}
	loader, err := filepath.Abs("../loader")
	check(h.t, err)
	p := h.sourceProgram("")
	p.Args = append(append(before, i.path), i.program(loader, load)...)
	if p.Path = i.path; len(before) > 0 {
		p.Path = before[0]
	}
	return p
}

// makes runs a source of a program, and has it make two processes, which are children of the keeper.
func (h *house) makes(p Program) {
	h.t.Helper()
	p.Source = true
	source, err := h.keeper.Fork(p)
	check(h.t, err)
	<-source.Loaded()
	p.Source, p.From = false, source
	for _, number := range []string{"1", "2"} {
		one := p
		one.Env = append(append([]string{}, p.Env...), "PURSER_PROCESS="+number)
		child, err := h.keeper.Fork(one)
		check(h.t, err)
		m, err := readMember(child.PID())
		check(h.t, err)
		if pid := h.pid("forked" + number); pid != child.PID() || m.parent != h.keeper.PID() {
			h.t.Errorf("process %s is %d, a child of %d: the keeper %d has %d", number, pid, m.parent, h.keeper.PID(), child.PID())
		}
		child.Kill()
		<-child.Gone()
	}
	source.Kill()
	<-source.Gone()
}

func forInterpreters(t *testing.T, test func(*house, interpreter)) {
	for name, i := range interpreters {
		t.Run(name, func(t *testing.T) { test(newHouse(t), i) })
	}
}

func TestAForkSourceWhoseAppIgnoresTheEndOfChildrenGoesOn(t *testing.T) {
	forInterpreters(t, func(h *house, i interpreter) { h.makes(h.loads(i, i.waits)) })
}

func TestWhatAnAppStartsWhenItIsLoadedLacksTheSocketOfItsSource(t *testing.T) {
	forInterpreters(t, func(h *house, i interpreter) {
		h.makes(h.loads(i, i.starts))
		if h.pid("has-no-socket") == 0 {
			h.t.Error("it has it")
		}
	})
}

// Some put a script in the place of an interpreter, which runs it and waits. Then the source is no child of the keeper.
func TestAnInterpreterMayBeAScriptThatRunsAnother(t *testing.T) {
	forInterpreters(t, func(h *house, i interpreter) {
		h.makes(h.loads(i, i.starts, "/bin/sh", "-c", `"$@"; exit $?`, "sh"))
	})
}
