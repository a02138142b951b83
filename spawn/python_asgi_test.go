package spawn

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"purser/conf"
)

// asgiServers are the two that an ASGI app may be served by.
var asgiServers = []string{"uvicorn", "hypercorn"}

func newASGIStage(t *testing.T, server string, files map[string]string) *stage {
	t.Helper()
	python := pythonWithGunicorn(t)
	if out, err := exec.Command(python, "-c", "import uvicorn, hypercorn, websockets, starlette").CombinedOutput(); err != nil {
		t.Fatalf("this test needs apt install python3-uvicorn python3-hypercorn python3-websockets python3-starlette: %s", out)
	}
	root := writeFiles(t, files)
	hide(t, root, server)
	return newAppStage(t, root, func(app *conf.App) {
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
}

// hide makes a virtual environment in which only one server of ASGI is found.
func hide(t *testing.T, root, server string) {
	t.Helper()
	hidden := map[string]string{"uvicorn": "hypercorn", "hypercorn": "uvicorn", "": "uvicorn hypercorn"}[server]
	check(t, os.MkdirAll(root+"/.venv/bin", 0o755))
	check(t, os.WriteFile(root+"/.venv/sitecustomize.py", []byte(`
import importlib.machinery, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in `+"'"+hidden+"'"+`.split():
            return importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [Finder if f is importlib.machinery.PathFinder else f for f in sys.meta_path]
`), 0o644))
	script := "#!/bin/sh\nPYTHONPATH=" + root + "/.venv exec " + pythonWithGunicorn(t) + " \"$@\"\n"
	check(t, os.WriteFile(root+"/.venv/bin/python", []byte(script), 0o755))
}

const asgiApp = `
import asyncio, os, sys

async def application(scope, receive, send):
    if scope['type'] == 'lifespan':
        await receive()
        print('lifespan started')
        await send({'type': 'lifespan.startup.complete'})
        await receive()
        print('lifespan stopped')
        await send({'type': 'lifespan.shutdown.complete'})
        return
    body = b''
    while True:
        message = await receive()
        body += message.get('body', b'')
        if not message.get('more_body'):
            break
    if scope['path'] == '/raise':
        raise RuntimeError('no database')
    if scope['path'] == '/exit':
        sys.exit('no more')
    if scope['path'] == '/slow':
        print('working')
        await asyncio.sleep(1)
    text = '%s %s %s %s %s' % (scope['method'], scope['path'], scope['query_string'].decode(), scope['client'][0], len(body))
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': text.encode(), 'more_body': True})
    await send({'type': 'http.response.body', 'body': b'!'})

print('pid', os.getpid())
`

func TestASGI(t *testing.T) {
	for _, server := range asgiServers {
		t.Run(server, func(t *testing.T) {
			st := newASGIStage(t, server, map[string]string{"wsgi.py": asgiApp})
			child := st.start()
			st.said("lifespan started")
			if body := st.get(child, "/a%20b?c=d"); body != "GET /a b c=d 203.0.113.9 0!" {
				t.Errorf("the app answers %q", body)
			}
			large := bytes.Repeat([]byte("x"), 300_000)
			if _, text := st.send(child, "POST", "/", io.MultiReader(bytes.NewReader(large))); text != "POST /  203.0.113.9 300000!" {
				t.Errorf("a chunked body: the app answers %q", text)
			}
			for path, cause := range map[string]string{"/raise": "no database", "/exit": "SystemExit: no more"} {
				if status, body := st.send(child, "GET", path, nil); status != 500 {
					t.Errorf("%s: %d %q", path, status, body)
				}
				st.eventually("the cause is told: "+cause, func() bool { return strings.Contains(strings.Join(child.LastLines(), "\n"), cause) })
			}
			done := st.getting(child, "/slow")
			st.said("working")
			child.Stop()
			if answer := <-done; !strings.HasPrefix(answer.body, "GET /slow") {
				t.Errorf("the running request was answered %+v", answer)
			}
			st.ends(child, "")
			st.said("lifespan stopped")
		})
	}
}

func TestASGIThatFailsToStartIsNeverReady(t *testing.T) {
	for _, server := range asgiServers {
		t.Run(server, func(t *testing.T) {
			st := newASGIStage(t, server, map[string]string{"wsgi.py": strings.Replace(asgiApp,
				"await send(", "return await send({'type': 'lifespan.startup.failed', 'message': 'no cache'})\n        await send(", 1)})
			failure := st.startFails()
			contains(t, failure.LastLines(), "no cache")
		})
	}
}

func TestASGIWithoutAServerSaysWhatToInstall(t *testing.T) {
	st := newASGIStage(t, "", map[string]string{"wsgi.py": asgiApp})
	contains(t, st.startFails().LastLines(), "wsgi.py defines an ASGI app, and ")
}
