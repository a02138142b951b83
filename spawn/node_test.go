package spawn

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
)

func newNodeStage(t *testing.T, files map[string]string) *stage {
	t.Helper()
	need(t, "node", "install Node.js 18 or later")
	root := writeFiles(t, files)
	return newAppStage(t, root, func(app *conf.App) {
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
}

// answer is a request listener that tells the path asked for.
const answer = `(req, res) => res.end('hello ' + req.url)`

func TestNodeListensOnOurSocket(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"port":             {"app.js": `require('http').createServer(` + answer + `).listen(3000)`},
		"port as text":     {"app.js": `require('http').createServer(` + answer + `).listen('3000')`},
		"port and call":    {"app.js": `require('http').createServer(` + answer + `).listen(3000, () => console.log('called'))`},
		"port, host, call": {"app.js": `require('http').createServer(` + answer + `).listen(3000, '0.0.0.0', 511, () => console.log('called'))`},
		"options":          {"app.js": `require('http').createServer(` + answer + `).listen({port: 3000, host: '::', exclusive: true}, () => console.log('called'))`},
		"path":             {"app.js": `require('http').createServer(` + answer + `).listen('/nowhere/x.sock', () => console.log('called'))`},
		"nothing":          {"app.js": `require('http').createServer(` + answer + `).listen()`},
		"event":            {"app.js": `require('http').createServer(` + answer + `).listen(3000).on('listening', () => console.log('called'))`},
		"class":            {"app.js": `const {Server} = require('node:http'); new Server(` + answer + `).listen(3000)`},
		"awaited": {"app.mjs": `import http from 'node:http'; import {once} from 'node:events';
			const server = http.createServer(` + answer + `);
			server.listen({port: 3000}); await once(server, 'listening'); console.log('called')`},
		"type module": {"package.json": `{"type": "module", "main": "main.js"}`,
			"main.js": `import {createServer} from 'http'; createServer(` + answer + `).listen(3000)`},
		"https": {"app.js": `require('https').createServer({}, ` + answer + `).listen(3443)`},
		"late":  {"app.js": `setTimeout(() => require('http').createServer(` + answer + `).listen(3000), 200)`},
		"after a port probe": {"app.js": `const net = require('net').createServer().listen(0, () => net.close(() =>
			require('http').createServer(` + answer + `).listen(3000)))`},
		"again after close": {"app.js": `const s = require('http').createServer(` + answer + `);
			s.listen(3000, () => s.close(() => setTimeout(() => s.listen(3000), 300)))`},
		"cluster": {"app.js": `const cluster = require('cluster');
			if (cluster.isPrimary) { cluster.fork(); cluster.fork() }
			else require('http').createServer(` + answer + `).listen(3000)`},
		"cluster of modules": {"app.mjs": `import cluster, { isPrimary } from 'node:cluster'; import http from 'node:http';
			if (isPrimary) { cluster.fork(); cluster.fork() } else http.createServer(` + answer + `).listen(3000)`},
		"exported":        {"app.js": `module.exports = ` + answer},
		"exported module": {"app.mjs": `export default ` + answer},
		"exported server": {"app.js": `exports.default = require('http').createServer(` + answer + `)`},
		"script":          {"package.json": `{"scripts": {"start": "A=1 node --no-warnings web"}}`, "web.js": `require('http').createServer(` + answer + `).listen(3000)`},
		"program":         {"package.json": `{"scripts": {"start": "web --quiet"}}`, "node_modules/.bin/web": "#!/usr/bin/env node\nrequire('http').createServer(" + answer + ").listen(3000)"},
		"program above another": {"package.json": `{"scripts": {"start": "NODE_ENV=test node above.js below.js"}}`,
			"above.js": `require('child_process').spawn(process.execPath, process.argv.slice(2), {stdio: 'inherit'})`,
			"below.js": `require('http').createServer(` + answer + `).listen(3000)`},
		"fork before listen": {"app.js": `if (process.send) { require('http').createServer().listen(0, () => process.send('up')); process.on('disconnect', process.exit) }
			else require('child_process').fork(__filename).on('message', () => require('http').createServer(` + answer + `).listen(3000))`},
	} {
		t.Run(name, func(t *testing.T) {
			st := newNodeStage(t, files)
			child := st.start()
			eventually(t, "the app answers", func() bool {
				return request(t.Context(), child, "GET", "/", nil).err == nil
			})
			if body := st.get(child, "/x?y"); body != "hello /x?y" {
				t.Errorf("the answer is %q", body)
			}
			for _, text := range files {
				if strings.Contains(text, "'called'") {
					st.said("called")
				}
			}
		})
	}
}

func TestNodeKeepsLaterListens(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `
		const http = require('http');
		const app = http.createServer((req, res) => res.end('app ' + typeof app.address() + ' ' + app.keepAliveTimeout));
		app.listen(3000);
		const metrics = http.createServer((req, res) => res.end('metrics'));
		metrics.listen(0, '127.0.0.1', () => console.log('metrics on', metrics.address().port));`})
	child := st.start()
	if body := st.get(child, "/"); body != "app string 600000" {
		t.Errorf("the app answers %q", body)
	}
	metrics := &Child{network: "tcp", address: "127.0.0.1:" + st.said("metrics on "), endpoint: &endpoint{owner: anybody}}
	if body := st.get(metrics, "/"); body != "metrics" {
		t.Errorf("the other server answers %q", body)
	}
}

func TestNodeServesTheServerThatIsMeant(t *testing.T) {
	const two = `const http = require('http');
		const app = http.createServer((req, res) => res.end('app ' + req.socket.remoteAddress));
		const metrics = http.createServer((req, res) => res.end('metrics ' + req.socket.remoteAddress));
		const asked = () => http.get('http://127.0.0.1:' + metrics.address().port, (res) => res.on('data', (d) => console.log('asked itself:', String(d))));
		`
	for name, script := range map[string]string{
		"the first":                  `app.listen(3000, () => metrics.listen(0, '127.0.0.1', asked))`,
		"the one that asks for PORT": `metrics.listen(0, '127.0.0.1', () => app.listen(process.env.PORT, () => setTimeout(asked, 50)))`,
		"the one for passenger":      `metrics.listen(0, '127.0.0.1', () => app.listen('passenger', () => setTimeout(asked, 50)))`,
		"no automatic one": `PhusionPassenger.configure({autoInstall: false});
			metrics.listen(0, '127.0.0.1', () => { asked(); setTimeout(() => app.listen('passenger'), 200) })`,
	} {
		t.Run(name, func(t *testing.T) {
			st := newNodeStage(t, map[string]string{"app.js": two + script})
			child := st.start()
			if itself := st.said("asked itself: "); itself != "metrics 127.0.0.1" {
				t.Errorf("the other server answers %q on its own port", itself)
			}
			if body := st.get(child, "/"); body != "app 127.0.0.1" {
				t.Errorf("visitors get %q", body)
			}
			if name != "no automatic one" {
				st.said("purser: the app has a second HTTP server; ")
			}
		})
	}
}

func TestNodeMakesOneWorkerOfACluster(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `const cluster = require('cluster');
		if (cluster.isPrimary) {
			const workers = new Set([1, 2, 3].map(() => cluster.fork()));
			cluster.on('exit', (worker) => { if (workers.delete(worker)) cluster.fork() });
			console.log('workers:', workers.size);
		} else require('http').createServer((req, res) => req.url === '/end' ? process.exit() : res.end('worker ' + cluster.worker.id)).listen(3000)`})
	child := st.start()
	if made := st.said("workers: "); made != "1" {
		t.Errorf("it has %s workers", made)
	}
	st.said("purser: the app makes a cluster; it gets one worker in each process, ")
	request(t.Context(), child, "GET", "/end", nil)
	eventually(t, "another worker answers in place of one that has ended", func() bool {
		answer := request(t.Context(), child, "GET", "/", nil)
		return answer.err == nil && answer.body == "worker 2"
	})
}

// Next listens first, and then loads its configuration and what was built.
func TestNodeThatListensBeforeItHasLoadedIsReadyOnceItHasAnswered(t *testing.T) {
	loading := func(then string) map[string]string {
		return map[string]string{"package.json": `{"scripts": {"start": "next start"}, "dependencies": {"next": "15"}}`,
			"node_modules/.bin/next": "#!/usr/bin/env node\nlet loaded; require('http').createServer((q, s) => loaded ? s.end(loaded) : setTimeout(() => s.end(loaded), 300)).listen(3000, () => setTimeout(() => { " + then + " }, 150))"}
	}
	if st := newNodeStage(t, loading(`loaded = 'loaded'`)); st.get(st.start(), "/") != "loaded" {
		t.Error("a visitor came before the code was loaded")
	}
	failure := newNodeStage(t, loading(`throw new Error('broken next.config.js')`)).startFails()
	if failure.Reason != "exited with status 1 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
	contains(t, failure.LastLines(), "broken next.config.js")
}

func TestNodeThatEndsAndExportsNothing(t *testing.T) {
	failure := newNodeStage(t, map[string]string{"app.js": `console.log('done')`}).startFails()
	if failure.Reason != "exited with status 1 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
	contains(t, failure.LastLines(), "app.js came to its end without listening, and exports no app")
}

func TestNodeStopLetsTheAppFinish(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `
		require('http').createServer(` + answer + `).listen(3000);
		process.on('SIGTERM', () => setTimeout(() => { console.log('tidy'); process.exit(0) }, 300))`})
	child := st.start()
	st.get(child, "/") // once it answers, the whole file has run
	child.Stop()       // closes stdin as well
	st.ends(child, "")
	contains(t, child.LastLines(), "tidy")
}

func TestNodeEndsByItselfWhenIdle(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `
		const s = require('http').createServer(` + answer + `); s.listen(3000);
		process.on('SIGTERM', () => s.close())`})
	child := st.start()
	st.get(child, "/")
	child.Stop()
	st.ends(child, "") // our watch on stdin holds nothing up
}

func TestNodeThatThrowsShowsItsStack(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `throw new Error('no database')`})
	failure := st.startFails()
	if failure.Reason != "exited with status 1 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
	contains(t, failure.LastLines(), "Error: no database")
}

func TestNodeThatNeverListens(t *testing.T) {
	st := newNodeStage(t, map[string]string{"app.js": `setInterval(() => {}, 1000)`})
	st.spawner.app.StartTimeout = 500 * time.Millisecond
	want := "not ready within start_timeout (500ms): nothing listened on port "
	if failure := st.startFails(); !strings.HasPrefix(failure.Reason, want) {
		t.Errorf("the reason is %q, want %q", failure.Reason, want)
	}
}

func TestNodeOrphanEndsWithPurser(t *testing.T) {
	orphanEnds(t, newNodeStage(t, map[string]string{"app.js": `
		require('http').createServer(` + answer + `).listen(3000, () => console.log('pid', process.pid))`}))
}
