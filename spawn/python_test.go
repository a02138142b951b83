package spawn

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"purser/conf"
)

// servers are the two ways a Python app is served.
var servers = []string{"gunicorn", "standard library"}

func newPythonStage(t *testing.T, server string, files map[string]string) *stage {
	t.Helper()
	root := writeFiles(t, files)
	linkPython(t, root, server)
	return newAppStage(t, root, func(app *conf.App) {
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
}

// linkPython makes a virtual environment, as far as an app sees it, of a Python with or without
// gunicorn. "-S" and "-I" keep the site packages out.
func linkPython(t *testing.T, root, server string) {
	t.Helper()
	python := pythonWithGunicorn(t)
	if server != "gunicorn" {
		python += " -S"
	}
	check(t, os.MkdirAll(root+"/venv/bin", 0o755))
	script := "#!/bin/sh\nexec " + python + " \"$@\"\n"
	check(t, os.WriteFile(root+"/venv/bin/python", []byte(script), 0o755))
}

func pythonWithGunicorn(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import gunicorn").Run() == nil {
			return python
		}
	}
	t.Fatal("this test needs a Python with gunicorn: apt install python3 gunicorn")
	return ""
}

const wsgiApp = `
import os, sys, time

def application(environ, start_response):
    path = environ['PATH_INFO']
    body = environ['wsgi.input'].read()
    if path == '/raise':
        raise RuntimeError('no database')
    if path == '/late':
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return late()
    if path == '/slow':
        print('working')
        time.sleep(1)
    if path == '/empty':
        start_response('204 No Content', [])
        return []
    if path == '/long':
        start_response('200 OK', [('Content-Type', 'text/plain'), ('Connection', 'close')])
        return [b'one,', b'', b'two']
    text = '%s %s %s %s %s' % (environ['REQUEST_METHOD'], path, environ['QUERY_STRING'],
                               environ['REMOTE_ADDR'], len(body))
    start_response('200 OK', [('Content-Length', str(len(text)))])
    return [text.encode()]

def late():
    yield b'some'
    raise RuntimeError('too late')

print('pid', os.getpid())
print('gunicorn' in sys.modules and 'gunicorn' or 'standard library')
`

func TestPython(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{
				"passenger_wsgi.py": wsgiApp,
				"gunicorn.conf.py":  "bind = '127.0.0.1:9'\nworkers = 3\n",
			})
			child := st.start()
			st.said(server)
			if body := st.get(child, "/a%20b?c=d"); body != "GET /a b c=d 203.0.113.9 0" {
				t.Errorf("the app answers %q", body)
			}
			for path, want := range map[string]int{"/raise": 500, "/empty": 204, "/long": 200} {
				if status, body := st.send(child, "GET", path, nil); status != want {
					t.Errorf("%s: status %d, %q", path, status, body)
				}
			}
			st.said("RuntimeError: no database")
			child.Stop()
			st.ends(child, "")
		})
	}
}

func TestPythonRequestBodies(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiApp})
			child := st.start()
			large := bytes.Repeat([]byte("x"), 300_000)
			for name, body := range map[string]io.Reader{
				"Content-Length": bytes.NewReader(large),
				"chunked":        io.MultiReader(bytes.NewReader(large)), // hides the length
			} {
				if _, text := st.send(child, "POST", "/", body); text != "POST /  203.0.113.9 300000" {
					t.Errorf("%s: the app answers %q", name, text)
				}
			}
		})
	}
}

func TestPythonKeepsTheConnection(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiApp})
			connection := st.connect(st.start())
			reader := bufio.NewReader(connection)
			for _, step := range []struct{ method, path, body string }{
				{"GET", "/1", "GET /1   0"}, {"HEAD", "/2", ""}, {"GET", "/long", "one,two"},
				{"GET", "/empty", ""}, {"GET", "/3", "GET /3   0"},
			} {
				fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: blog\r\n\r\n", step.method, step.path)
				response, err := http.ReadResponse(reader, &http.Request{Method: step.method})
				check(t, err)
				body, err := io.ReadAll(response.Body)
				check(t, err)
				if string(body) != step.body || response.Close {
					t.Errorf("%s %s: %q, close %v", step.method, step.path, body, response.Close)
				}
			}
		})
	}
}

func TestPythonCutsAnAnswerThatFailsMidway(t *testing.T) {
	st := newPythonStage(t, "standard library", map[string]string{"wsgi.py": wsgiApp})
	connection := st.connect(st.start())
	fmt.Fprint(connection, "GET /late HTTP/1.1\r\nHost: blog\r\n\r\n")
	answer, err := io.ReadAll(connection)
	check(t, err)
	if !strings.HasSuffix(string(answer), "4\r\nsome\r\n") {
		t.Errorf("the answer is %q, want it cut without a last chunk", answer)
	}
}

func TestPythonRefusesBadFraming(t *testing.T) {
	st := newPythonStage(t, "standard library", map[string]string{"wsgi.py": wsgiApp})
	child := st.start()
	for _, head := range []string{
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Content-Length: -1\r\n\r\n",
		"Transfer-Encoding: gzip, chunked\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
	} {
		connection := st.connect(child)
		fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: blog\r\n"+head)
		answer, err := io.ReadAll(connection)
		check(t, err)
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
			t.Errorf("%q was answered %.60q", head, answer)
		}
	}
}

func TestPythonStopFinishesTheRequest(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiApp})
			child := st.start()
			done := st.getting(child, "/slow")
			st.said("working")
			child.Stop()
			if answer := <-done; !strings.HasPrefix(answer.body, "GET /slow") {
				t.Errorf("the running request was answered %+v", answer)
			}
			st.ends(child, "")
		})
	}
}

func TestPythonThatFailsToLoadIsNeverReady(t *testing.T) {
	for _, server := range servers {
		for name, test := range map[string]struct{ text, want string }{
			"raises":  {"import time\ntime.sleep(0.3)\nraise RuntimeError('no database')", "no database"},
			"exits":   {"import sys\nsys.exit('no database')", "no database"},
			"no name": {"application = None", "defines neither application nor app"},
		} {
			t.Run(server+" "+name, func(t *testing.T) {
				st := newPythonStage(t, server, map[string]string{"wsgi.py": test.text})
				failure := st.startFails()
				if !strings.HasPrefix(failure.Reason, "exited with status ") || strings.Contains(failure.Reason, "status 0") {
					t.Errorf("the reason is %q", failure.Reason)
				}
				contains(t, failure.LastLines(), test.want)
			})
		}
	}
}

// An arbiter above the app would be a second process for each, and would replace the app in secret, perhaps by newer code.
func TestGunicornIsOneProcess(t *testing.T) {
	st := newPythonStage(t, "gunicorn", map[string]string{"wsgi.py": wsgiApp})
	child := st.start()
	if pid := number(t, st.said("pid ")); pid != child.PID() {
		t.Errorf("the app runs in process %d, and %d is Purser's child", pid, child.PID())
	}
	child.Kill()
	st.ends(child, "killed by signal KILL")
}

func TestPythonStartupFileBelowTheRoot(t *testing.T) {
	for _, name := range []string{"blog/wsgi.py", "deploy-1/app.wsgi"} {
		root := writeFiles(t, map[string]string{name: wsgiApp})
		linkPython(t, root, "standard library")
		st := newAppStage(t, root, func(app *conf.App) {
			app.StartupFile = name
			found, err := Detect(*app)
			check(t, err)
			*app = found
		})
		st.get(st.start(), "/")
	}
}

// The first python3 in PATH need not have gunicorn.
func TestPythonOfPath(t *testing.T) {
	need(t, "python3", "apt install python3")
	root := writeFiles(t, map[string]string{"wsgi.py": strings.ReplaceAll(wsgiApp, "application", "app")})
	st := newAppStage(t, root, func(app *conf.App) {
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
	st.get(st.start(), "/")
}

func TestPythonOrphanEndsWithPurser(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			orphanEnds(t, newPythonStage(t, server, map[string]string{"wsgi.py": wsgiApp}))
		})
	}
}
