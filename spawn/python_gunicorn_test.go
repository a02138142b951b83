package spawn

import (
	"fmt"
	"strings"
	"testing"

	"purser/conf"
)

// The app tells how it is served.
const wsgiThatTells = `
import os, sys, threading
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('%s %s %s' % (os.environ.get('FROM_GUNICORN'), os.environ.get('SERVER_SOFTWARE', '')[:8],
                           threading.current_thread().name)).encode()]
`

func TestGunicornSettingsOfTheAppHold(t *testing.T) {
	st := newPythonStage(t, "gunicorn", map[string]string{"wsgi.py": wsgiThatTells, "lib/helper.py": "name = 'helper'\n", "gunicorn.conf.py": `
raw_env = ['FROM_GUNICORN=yes']
pythonpath = 'lib'
def when_ready(server):
    print('hook when_ready', flush=True)
def on_starting(server):
    print('hook on_starting', flush=True)
def pre_fork(server, worker):
    print('hook pre_fork', flush=True)
def post_fork(server, worker):
    server.log.info('worker spawned (pid: %s)', worker.pid)
    print('hook post_fork', worker.pid, worker.age, flush=True)
def post_worker_init(worker):
    import helper
    print('hook post_worker_init', helper.name, flush=True)
def pre_request(worker, request):
    print('hook pre_request', request.path, flush=True)
def worker_exit(server, worker):
    print('hook worker_exit', flush=True)
def on_exit(server):
    print('hook on_exit', flush=True)
`})
	child := st.start()
	if body := st.get(child, "/a"); !strings.HasPrefix(body, "yes gunicorn") {
		t.Errorf("the app answers %q", body)
	}
	child.Stop()
	st.ends(child, "")
	for _, hook := range []string{"on_starting", "when_ready", "pre_fork", fmt.Sprintf("post_fork %d 2", child.PID()), "post_worker_init helper", "pre_request /a", "worker_exit", "on_exit"} {
		st.said("hook " + hook)
	}
}

func TestGunicornSettingsThatAreOfPurserAreTold(t *testing.T) {
	st := newPythonStage(t, "gunicorn", map[string]string{"wsgi.py": wsgiThatTells, "gunicorn.conf.py": `
bind, workers, timeout, daemon, pidfile, accesslog = '127.0.0.1:9', 3, 5, True, 'gunicorn.pid', '-'
max_requests, preload_app, threads = 2, True, 8
`})
	st.spawner.app.Env = map[string]string{"GUNICORN_CMD_ARGS": "--bind=127.0.0.1:8 --user nobody --worker-class sync"}
	child := st.start()
	for range 3 {
		st.get(child, "/")
	}
	for _, line := range []string{
		"bind not used: Purser makes the socket",
		"workers not used: set min_processes and max_processes",
		"timeout not used: set request_timeout and hang_after",
		"daemon, pidfile not used: Purser owns the process",
		"max_requests not used: set max_requests in Purser's configuration",
		"preload_app not used: set preload in Purser's configuration",
		"user not used: set user and group in Purser's configuration",
		"accesslog not used: Purser has the logs",
	} {
		st.said("purser: gunicorn.conf.py and GUNICORN_CMD_ARGS: " + line)
	}
	child.Stop()
	st.ends(child, "")
}

func TestGunicornWorkersOfOtherKinds(t *testing.T) {
	for kind, want := range map[string]string{"gevent": "None gunicorn Dummy", "eventlet": "None gunicorn GreenThread", "sync": "None gunicorn ThreadPool", "uvicorn.workers.UvicornWorker": "None gunicorn ThreadPool"} {
		t.Run(kind, func(t *testing.T) {
			st := newPythonStage(t, "gunicorn", map[string]string{"wsgi.py": wsgiThatTells, "gunicorn.conf.py": "worker_class = '" + kind + "'\n"})
			child := st.start()
			for range 2 {
				if body := st.get(child, "/"); !strings.HasPrefix(body, want) {
					t.Errorf("the app answers %q, want %q", body, want)
				}
			}
			child.Stop()
			st.ends(child, "")
		})
	}
}

func TestGunicornAppThatIsNamed(t *testing.T) {
	factory := `
def make(name):
    def app(environ, start_response):
        start_response('200 OK', [])
        return [name.encode()]
    return app
`
	for _, test := range []struct{ file, config, want string }{
		{"wsgi.py", "wsgi_app = 'wsgi:make(\"x\")'\n", "x"},
		{"src/wsgi.py", "wsgi_app, chdir = 'wsgi:make(\"x\")', 'src'\n", "x"},
	} {
		root := writeFiles(t, map[string]string{test.file: factory, "gunicorn.conf.py": test.config})
		linkPython(t, root, "gunicorn")
		st := newAppStage(t, root, func(app *conf.App) {
			app.StartupFile = test.file
			found, err := Detect(*app)
			check(t, err)
			*app = found
		})
		if body := st.get(st.start(), "/"); body != test.want {
			t.Errorf("%s: the app answers %q, want %q", test.config, body, test.want)
		}
	}
}
