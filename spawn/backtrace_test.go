package spawn

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// startHanging starts a Ruby or Python app and lets it hang in a request. The returned function
// kills it.
func (st *stage) startHanging(path string) (*Child, func()) {
	st.t.Helper()
	child := st.start()
	cut := st.getting(child, path)
	st.said("working")
	return child, func() {
		child.Kill()
		<-cut
	}
}

func withBacktrace(app *conf.App) { app.BacktraceSignal = "auto" }

// tellsWhere asks for a backtrace, waits until the child's last lines have all the words, and checks
// that it still runs: its end is another step.
func (st *stage) tellsWhere(child *Child, words ...string) {
	st.t.Helper()
	if !child.Backtrace() {
		st.t.Fatal("there is no signal for a backtrace")
	}
	for _, word := range words {
		st.eventually("the last lines have "+word, func() bool {
			return strings.Contains(strings.Join(child.LastLines(), "\n"), word)
		})
	}
	if !alive(child.PID()) {
		st.t.Error("it died of the question")
	}
}

// rackThatHangs hangs in a request, or in boot.
const rackThatHangs = `
def waits_for_ever(depth) = depth.zero? ? Queue.new.pop : waits_for_ever(depth - 1)
def spins_for_ever = loop {}
puts 'booting'
waits_for_ever(0) if ENV['HANG'] == 'boot'
run(lambda do |env|
  puts 'working'
  waits_for_ever(100) if env['PATH_INFO'] == '/waits'
  spins_for_ever if env['PATH_INFO'] == '/spins'
  [200, {}, []]
end)
`

func TestRubyTellsWhereItHangs(t *testing.T) {
	for path, want := range map[string]string{"/waits": "pop'", "/spins": "spins_for_ever'"} {
		t.Run(path, func(t *testing.T) {
			st := newRubyStage(t, map[string]string{"config.ru": rackThatHangs}, withBacktrace)
			child, end := st.startHanging(path)
			defer end()
			st.tellsWhere(child, want, "config.ru:")
		})
	}
}

func TestRubyThatHangsInBootTellsWhere(t *testing.T) {
	t.Parallel()
	st := newRubyStage(t, map[string]string{"config.ru": rackThatHangs}, func(app *conf.App) {
		withBacktrace(app)
		app.Env = map[string]string{"HANG": "boot"}
		app.StartTimeout = 8 * time.Second
	})
	failure := st.startFails()
	contains(t, failure.LastLines(), "booting")
	contains(t, failure.LastLines(), "waits_for_ever'")
}

// wsgiThatHangs hangs in a request, or in boot; and holds the interpreter's lock while it does, so
// that no line of Python can run any more.
const wsgiThatHangs = `
import ctypes, os, threading
print('booting')
def waits_for_ever():
    threading.Event().wait()
def locks_for_ever():
    ctypes.PyDLL(None).pause()
if os.environ.get('HANG'):
    locks_for_ever()
def application(environ, start_response):
    print('working')
    if environ['PATH_INFO'] == '/waits':
        waits_for_ever()
    if environ['PATH_INFO'] == '/locks':
        locks_for_ever()
    start_response('204 No Content', [])
    return []
`

func TestPythonTellsWhereItHangs(t *testing.T) {
	for _, server := range servers {
		for path, want := range map[string]string{"/waits": "in waits_for_ever", "/locks": "in locks_for_ever"} {
			t.Run(server+path, func(t *testing.T) {
				st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiThatHangs})
				withBacktrace(&st.spawner.app)
				child, end := st.startHanging(path)
				defer end()
				st.tellsWhere(child, want)
			})
		}
	}
}

func TestPythonThatHangsInBootTellsWhere(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiThatHangs})
			withBacktrace(&st.spawner.app)
			st.spawner.app.Env = map[string]string{"HANG": "boot"}
			st.spawner.app.StartTimeout = 3 * time.Second
			failure := st.startFails()
			contains(t, failure.LastLines(), "booting")
			contains(t, failure.LastLines(), "in locks_for_ever")
		})
	}
}

func TestPythonTakesTheSignalThatIsNamed(t *testing.T) {
	for _, server := range servers {
		for _, name := range []string{"QUIT", "USR2", "HUP"} {
			t.Run(server+" "+name, func(t *testing.T) {
				st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiThatHangs})
				st.spawner.app.BacktraceSignal = name
				child, end := st.startHanging("/locks")
				defer end()
				st.tellsWhere(child, "in locks_for_ever")
			})
		}
		t.Run(server+" ABRT", func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiThatHangs})
			st.spawner.app.BacktraceSignal = "ABRT"
			child, end := st.startHanging("/locks")
			defer end()
			if !child.Backtrace() {
				t.Error("there is no signal for a backtrace")
			}
			st.ends(child, "killed by signal ABRT")
			contains(t, child.LastLines(), "in locks_for_ever")
		})
	}
}

func TestBacktraceOfAGoProgramIsItsEnd(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) { app.BacktraceSignal = "QUIT" })
	child := st.start()
	if !child.Backtrace() {
		t.Error("there is no signal for a backtrace")
	}
	st.ends(child, "exited with status 2")
	contains(t, st.messages(), "SIGQUIT: quit")
	contains(t, st.messages(), "goroutine 1 ") // its stack is not always to be had
	if child.Backtrace() {
		t.Error("a child that is gone was asked for a backtrace")
	}
}

func TestBacktraceSignals(t *testing.T) {
	for _, test := range []struct {
		kind, setting, stop string
		want                string
	}{
		{kindRuby, "auto", "TERM", "QUIT"},
		{kindPython, "auto", "TERM", "USR1"},
		{kindNode, "auto", "TERM", ""},
		{kindCommand, "auto", "TERM", ""},
		{kindRuby, "none", "TERM", ""},
		{kindNode, "USR2", "TERM", "USR2"},
		{kindCommand, "QUIT", "TERM", "QUIT"},
		{kindRuby, "auto", "QUIT", ""}, // it has to stop the app
	} {
		signal, err := backtraceSignal(conf.App{Kind: test.kind, BacktraceSignal: test.setting, StopSignal: test.stop})
		if got := signalName(signal); got != test.want || err != nil {
			t.Errorf("%s with %s is %q, %v; want %q", test.kind, test.setting, got, err, test.want)
		}
	}
	if _, err := backtraceSignal(conf.App{BacktraceSignal: "QIT"}); err == nil || err.Error() != `backtrace_signal "QIT" is no signal` {
		t.Errorf("QIT: %v", err)
	}
}

func TestChildWithoutABacktraceSignalIsLeftAlone(t *testing.T) {
	st := newStage(t, "serves", withBacktrace)
	child := st.start()
	if child.Backtrace() {
		t.Error("an unknown program was sent a signal")
	}
	st.get(child, "/up")
}
