package spawn

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// wsgiThatErrs answers what it must not, and counts how often it was asked.
const wsgiThatErrs = `
import sys
answers = {
    '/str': lambda start: start('200 OK', []) and ['text'],
    '/latin': lambda start: start('200 OK', [('X-Name', '\u0142')]) and [b'x'],
    '/break': lambda start: start('200 OK', [('X-Name', 'a\r\nb'), ('Content-Length', '9')]) and [b'x'],
    '/number': lambda start: start('200 OK', [('Content-Length', 'many')]) and [b'x'],
    '/exit': lambda start: sys.exit('no more'),
    '/silent': lambda start: [b'x'],
}
def application(environ, start_response):
    print('asked for', environ['PATH_INFO'])
    return answers[environ['PATH_INFO']](start_response)
`

func TestPythonAppThatErrsIsAskedOnceAndTheVisitorGets500(t *testing.T) {
	st := newPythonStage(t, "standard library", map[string]string{"wsgi.py": wsgiThatErrs})
	child := st.start()
	for path, cause := range map[string]string{
		"/str": "TypeError", "/latin": "UnicodeEncodeError", "/break": "ValueError", "/number": "ValueError",
		"/exit": "SystemExit: no more", "/silent": "AssertionError",
	} {
		status, body := st.send(child, "GET", path, nil)
		if status != 500 || body != "Internal Server Error\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
		st.eventually("the cause is told: "+cause, func() bool { return strings.Contains(strings.Join(child.LastLines(), "\n"), cause) })
	}
}

// In a thread of gunicorn it would end the thread alone, and the visitor would wait.
func TestSystemExitInARequestIsAnsweredAndTold(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiThatErrs})
			child := st.start()
			for range 2 {
				if status, body := st.send(child, "GET", "/exit", nil); status != 500 {
					t.Errorf("%d %q", status, body)
				}
			}
			st.eventually("the cause is told", func() bool { return strings.Contains(strings.Join(child.LastLines(), "\n"), "SystemExit: no more") })
		})
	}
}

func TestPythonEnvironmentOfARequest(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": `
def application(environ, start_response):
    start_response('200 OK', [])
    names = 'SERVER_NAME SERVER_PORT SCRIPT_NAME PATH_INFO wsgi.url_scheme HTTPS wsgi.multiprocess'.split()
    return [' '.join('%s=%s' % (n, environ.get(n)) for n in names).encode()]
`})
			st.spawner.app.Path = "/blog"
			child := st.start()
			for _, test := range []struct{ path, fields, want string }{
				{"/blog/a", "Host: blog.example:8080\r\n", "SERVER_NAME=blog.example SERVER_PORT=8080 SCRIPT_NAME=/blog PATH_INFO=/a wsgi.url_scheme=http HTTPS=None"},
				{"/blog", "Host: blog.example\r\nX-Forwarded-Proto: https\r\n", "SERVER_NAME=blog.example SERVER_PORT=443 SCRIPT_NAME=/blog PATH_INFO= wsgi.url_scheme=https HTTPS=on"},
				{"/blogs", "Host: blog.example\r\nX-Forwarded-Port: 81\r\n", "SERVER_NAME=blog.example SERVER_PORT=81 SCRIPT_NAME= PATH_INFO=/blogs wsgi.url_scheme=http HTTPS=None"},
			} {
				connection := st.connect(child)
				fmt.Fprintf(connection, "GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", test.path, test.fields)
				answer, err := io.ReadAll(connection)
				check(t, err)
				if !strings.Contains(string(answer), test.want) || !strings.Contains(string(answer), "wsgi.multiprocess=True") {
					t.Errorf("%s: %s, want %s", test.path, answer, test.want)
				}
			}
		})
	}
}

func TestPythonTakesManyFields(t *testing.T) {
	for _, server := range servers {
		t.Run(server, func(t *testing.T) {
			st := newPythonStage(t, server, map[string]string{"wsgi.py": wsgiApp})
			connection := st.connect(st.start())
			fields := strings.Repeat("X-Field: x\r\n", 500) + "X-Long: " + strings.Repeat("x", 10_000) + "\r\n"
			fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", fields)
			answer, err := io.ReadAll(connection)
			check(t, err)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
				t.Errorf("500 fields: %s", answer)
			}
		})
	}
}
