package spawn

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const starletteApp = `
import asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

async def page(request):
    return PlainTextResponse('%s %s %s' % (request.url, request.client.host, request.url_for('page', name='x')))

async def stream(request):
    async def parts():
        yield 'one,'
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, gate.set)
        await gate.wait()
        yield 'two'
    return StreamingResponse(parts())

async def echo(socket):
    await socket.accept()
    await socket.send_text('%s %s %s' % (socket.url, socket.client.host, await socket.receive_text()))
    await socket.close()

app = Starlette(routes=[Route('/stream', stream), WebSocketRoute('/echo', echo), Route('/page/{name}', page, name='page')])
`

func TestStarletteBelowASubURI(t *testing.T) {
	for _, server := range asgiServers {
		t.Run(server, func(t *testing.T) {
			st := newASGIStage(t, server, map[string]string{"asgi.py": starletteApp})
			if st.spawner.app.Concurrency > 0 {
				t.Errorf("an app of ASGI is given %d requests at once", st.spawner.app.Concurrency)
			}
			st.spawner.app.Path = "/blog"
			child := st.start()
			connection := st.connect(child)
			reader := bufio.NewReader(connection)
			for _, step := range []struct{ method, path, body string }{
				{"GET", "/blog/page/a", "https://blog.example/blog/page/a 203.0.113.9 https://blog.example/blog/page/x"},
				{"HEAD", "/blog/page/a", ""},
				{"GET", "/blog/stream", "one,two"},
				{"GET", "/blog/none", "Not Found"},
			} {
				fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: blog.example\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.9\r\n\r\n", step.method, step.path)
				response, err := http.ReadResponse(reader, &http.Request{Method: step.method})
				if err != nil {
					t.Fatalf("%s %s: %v: %q", step.method, step.path, err, child.LastLines())
				}
				body, err := io.ReadAll(response.Body)
				check(t, err)
				if string(body) != step.body {
					t.Errorf("%s %s: %q, want %q", step.method, step.path, body, step.body)
				}
				if response.Close != (server == "hypercorn") {
					t.Errorf("%s %s: close is %v", step.method, step.path, response.Close)
				}
				if response.Close {
					connection = st.connect(child)
					reader.Reset(connection)
				}
			}
			child.Stop() // while the connection is idle
			st.ends(child, "")
		})
	}
}

func TestWebSocketOverASGI(t *testing.T) {
	for _, server := range asgiServers {
		t.Run(server, func(t *testing.T) {
			st := newASGIStage(t, server, map[string]string{"asgi.py": starletteApp})
			st.spawner.app.Path = "/blog"
			connection := st.connect(st.start())
			fmt.Fprint(connection, "GET /blog/echo HTTP/1.1\r\nHost: blog.example\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.9\r\n"+
				"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			reader := bufio.NewReader(connection)
			response, err := http.ReadResponse(reader, nil)
			check(t, err)
			if response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the handshake was answered %s", response.Status)
			}
			fmt.Fprint(connection, "\x81\x82\x00\x00\x00\x00hi") // a masked text frame
			answer := make([]byte, 64)
			n, err := io.ReadAtLeast(reader, answer, 3)
			check(t, err)
			if want := "wss://blog.example/blog/echo 203.0.113.9 hi"; !strings.HasPrefix(string(answer[2:n]), want) {
				t.Errorf("the app answers %q, want %q", answer[2:n], want)
			}
		})
	}
}

func TestFrameworksOfPython(t *testing.T) {
	for name, test := range map[string]struct {
		module, file, text, path, want string
	}{
		"Flask that serves by itself": {"flask", "app.py", "from flask import Flask, request\napp = Flask(__name__)\n@app.route('/a')\ndef a(): return request.remote_addr\napp.run()\n", "/a", "203.0.113.9"},
		"Flask of a factory":          {"flask", "app.py", "from flask import Flask, request\ndef create_app(name=__name__):\n    site = Flask(name)\n    site.add_url_rule('/a', 'a', lambda: request.path)\n    return site\n", "/a", "/a"},
		"Flask of another name":       {"flask", "web.py", "from flask import Flask, request, g\nsite = Flask(__name__)\n@site.route('/a')\ndef a(): return request.path\n", "/a", "/a"},
		"FastAPI":                     {"fastapi", "main.py", "from fastapi import FastAPI\nfrom pydantic import BaseModel\nclass Item(BaseModel):\n    name: str\napp = FastAPI()\n@app.get('/a')\ndef a() -> Item: return Item(name='x')\n", "/a", `{"name":"x"}`},
		"FastAPI of another name":     {"fastapi", "main.py", "from fastapi import FastAPI\napi = FastAPI()\n@api.get('/a')\ndef a(): return 1\n", "/a", "1"},
		"Radicale":                    {"radicale", "radicale.wsgi", "import os, radicale, radicale.config\nfrom radicale import Application\napplication = Application(radicale.config.load([]))\n", "/.web/", "Radicale Web Interface"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newDebianStage(t, writeFiles(t, map[string]string{test.file: test.text}), test.file, test.module)
			child := st.start()
			if _, body := st.send(child, "GET", test.path, nil); !strings.Contains(body, test.want) {
				t.Errorf("the app answers %q, want %q", body, test.want)
			}
			child.Stop()
			st.ends(child, "")
		})
	}
}
