package kind_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/conf"
	"purser/spawn/kind"
)

// Of what the samples hold, what matters here.
const (
	exporting = "const express = require('express')\nconst app = express()\nmodule.exports = app\n"
	listening = "require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT)\n"
	flask     = "from flask import Flask\n\napp = Flask(__name__)\n"
	managing  = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n"
)

// A sample is a folder as frameworks and people make them, and what it is.
type sample struct {
	files           map[string]string
	kind, starts    string // the startup file, or the command
	why, others     string
	note            string
	procfileWorkers string
}

var samples = map[string]sample{
	// Ruby
	"rack":                       {files: files{"config.ru": ""}, kind: "ruby", starts: "config.ru", why: "config.ru"},
	"rails with assets of node":  {files: files{"config.ru": "", "package.json": start("vite"), "Procfile": "web: bundle exec puma\nworker: bundle exec sidekiq\nrelease: rake db:migrate\n"}, kind: "ruby", starts: "config.ru", why: "config.ru", others: "Procfile", procfileWorkers: "worker"},
	"rails with an app.js":       {files: files{"config.ru": "", "app.js": listening}, kind: "ruby", starts: "config.ru", why: "config.ru", others: "app.js"},
	"rack beside passenger_wsgi": {files: files{"config.ru": "", "passenger_wsgi.py": ""}, kind: "ruby", starts: "config.ru", why: "config.ru", others: "passenger_wsgi.py"},

	// Python
	"passenger's python":            {files: files{"passenger_wsgi.py": "", "wsgi.py": ""}, kind: "python", starts: "passenger_wsgi.py", why: "passenger_wsgi.py", others: "wsgi.py"},
	"django for passenger":          {files: files{"passenger_wsgi.py": "", "manage.py": managing, "mysite/wsgi.py": ""}, kind: "python", starts: "passenger_wsgi.py", why: "passenger_wsgi.py", others: "manage.py: mysite/wsgi.py"},
	"django by startproject":        {files: files{"manage.py": managing, "mysite/wsgi.py": "", "mysite/asgi.py": "", "mysite/settings.py": "WSGI_APPLICATION = 'mysite.wsgi.application'\n"}, kind: "python", starts: "mysite/wsgi.py", why: "manage.py: mysite/wsgi.py"},
	"django channels":               {files: files{"manage.py": managing, "mysite/wsgi.py": "", "mysite/asgi.py": "", "mysite/settings.py": "ASGI_APPLICATION = 'mysite.asgi.application'\n"}, kind: "python", starts: "mysite/asgi.py", why: "manage.py: mysite/asgi.py"},
	"django with settings for each": {files: files{"manage.py": `os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.production"`, "config/wsgi.py": "", "blog/wsgi.py": ""}, kind: "python", starts: "config/wsgi.py", why: "manage.py: config/wsgi.py"},
	"django with assets of node":    {files: files{"manage.py": managing, "mysite/wsgi.py": "", "package.json": start("node build.js"), "build.js": ""}, kind: "python", starts: "mysite/wsgi.py", why: "manage.py: mysite/wsgi.py", others: "package.json: start"},
	"manage.py that says nothing":   {files: files{"manage.py": "main()", "site/wsgi.py": ""}, kind: "python", starts: "site/wsgi.py", why: "manage.py: site/wsgi.py"},
	"wsgi":                          {files: files{"wsgi.py": "", "app.py": flask}, kind: "python", starts: "wsgi.py", why: "wsgi.py", others: "app.py"},
	"asgi":                          {files: files{"asgi.py": ""}, kind: "python", starts: "asgi.py", why: "asgi.py"},
	"flask":                         {files: files{"app.py": flask}, kind: "python", starts: "app.py", why: "app.py"},
	"flask of a package":            {files: files{"app.py": "from blog import create_app\n"}, kind: "python", starts: "app.py", why: "app.py"},
	"fastapi":                       {files: files{"main.py": "from fastapi import FastAPI\n\napp: FastAPI = FastAPI()\n"}, kind: "python", starts: "main.py", why: "main.py"},
	"mod_wsgi":                      {files: files{"blog.wsgi": ""}, kind: "python", starts: "blog.wsgi", why: "blog.wsgi"},
	"node with a tool in python":    {files: files{"main.py": "print('hi')\n", "app.js": listening}, kind: "node", starts: "app.js", why: "app.js"},
	"flask with a script beside":    {files: files{"app.py": flask, "package.json": start("vite"), "index.js": listening}, kind: "python", starts: "app.py", why: "app.py", others: "index.js"},
	"flask with a Procfile":         {files: files{"app.py": flask, "Procfile": "web: gunicorn app:app\n"}, kind: "python", starts: "app.py", why: "app.py", others: "Procfile"},
	"express with tools in python":  {files: files{"app.js": listening, "main.py": flask, "tool.wsgi": ""}, kind: "node", starts: "app.js", why: "app.js", others: "tool.wsgi, main.py"},
	"express beside a flask":        {files: files{"app.js": exporting, "app.py": flask}, kind: "node", starts: "app.js", why: "app.js", others: "app.py"},
	"a main beside a flask":         {files: files{"package.json": `{"main": "lib/web.js"}`, "lib/web.js": listening, "application.py": flask}, kind: "node", starts: "lib/web.js", why: "package.json: main lib/web.js", others: "application.py"},
	"a start script beside a flask": {files: files{"package.json": start("node web"), "web.js": listening, "main.py": flask}, kind: "node", starts: "web.js", why: "package.json: start", others: "main.py"},

	// Node.js
	"node":                        {files: files{"app.js": listening, "package.json": start("node app.js")}, kind: "node", starts: "app.js", why: "app.js"},
	"node whose app.js requires":  {files: files{"app.js": "require('./lib/boot')\n"}, kind: "node", starts: "app.js", why: "app.js"},
	"express-generator":           {files: files{"app.js": exporting, "bin/www": listening, "package.json": start("node ./bin/www")}, kind: "node", starts: "bin/www", why: "package.json: start", others: "app.js"},
	"express without a script":    {files: files{"app.js": exporting, "bin/www": listening}, kind: "node", starts: "bin/www", why: "bin/www", others: "app.js"},
	"express that only exports":   {files: files{"app.js": exporting}, kind: "node", starts: "app.js", why: "app.js"},
	"main":                        {files: files{"package.json": `{"main": "./lib/start"}`, "lib/start.js": listening}, kind: "node", starts: "lib/start.js", why: "package.json: main lib/start.js"},
	"library as main":             {files: files{"package.json": `{"main": "index.js", "scripts": {"start": "node server"}}`, "index.js": exporting, "server.js": listening}, kind: "node", starts: "server.js", why: "package.json: start", others: "index.js"},
	"modules":                     {files: files{"package.json": `{"type": "module", "scripts": {"start": "node ."}, "main": "src/web.js"}`, "src/web.js": "import http from 'node:http'\nhttp.createServer().listen(0)\n"}, kind: "node", starts: "src/web.js", why: "package.json: main src/web.js"},
	"next":                        {files: files{"package.json": `{"scripts": {"dev": "next dev", "build": "next build", "start": "next start"}, "dependencies": {"next": "15"}}`, "node_modules/next/package.json": ""}, kind: "node", starts: "next start", why: "package.json: start"},
	"next not installed":          {files: files{"package.json": `{"scripts": {"start": "next start"}, "dependencies": {"next": "15"}}`}, kind: "node", starts: "next start", why: "package.json: start", note: "there is no node_modules: run npm ci when you deploy"},
	"next without a script":       {files: files{"package.json": `{"dependencies": {"next": "15"}}`, ".next/BUILD_ID": "1"}, kind: "node", starts: "next start", why: "package.json: next start"},
	"nuxt":                        {files: files{"package.json": `{"scripts": {"dev": "nuxt dev", "build": "nuxt build", "preview": "nuxt preview"}}`, ".output/server/index.mjs": "import './chunks/nitro.mjs'\nexport { handler }\n"}, kind: "node", starts: ".output/server/index.mjs", why: ".output/server/index.mjs"},
	"sveltekit":                   {files: files{"package.json": `{"scripts": {"dev": "vite dev", "build": "vite build", "preview": "vite preview"}}`, "build/index.js": "", "build/handler.js": ""}, kind: "node", starts: "build/index.js", why: "build/index.js"},
	"a script with variables":     {files: files{"package.json": start("NODE_ENV=production node --enable-source-maps dist/main")}, kind: "node", starts: "NODE_ENV=production node --enable-source-maps dist/main", why: "package.json: start"},
	"a script with words of devs": {files: files{"package.json": start("vite build && node server --env dev")}, kind: "node", starts: "vite build && node server --env dev", why: "package.json: start"},
	"a script that runs another":  {files: files{"package.json": `{"scripts": {"start": "npm run serve -- -q", "prestart": "npm run build", "serve": "json-server db.json"}}`}, kind: "node", starts: "json-server db.json -q", why: "package.json: start", note: "the script prestart of package.json is not run"},
	"start for developers":        {files: files{"package.json": `{"scripts": {"start": "nodemon src/x.js", "start:prod": "node dist/main"}}`, "dist/main.js": listening}, kind: "node", starts: "dist/main.js", why: "package.json: start:prod"},
	"start for developers, index": {files: files{"package.json": start("node --watch index.js"), "index.js": listening}, kind: "node", starts: "index.js", why: "index.js"},
	"meteor bundle":               {files: files{"main.js": "", "star.json": "", "programs/server/package.json": ""}, kind: "node", starts: "main.js", why: "main.js of a Meteor bundle", note: "run npm install in programs/server"},

	// Others
	"procfile":                  {files: files{"Procfile": "web: ./serve --port $PORT\nclock: ./clock\nrelease: ./migrate\n"}, kind: "command", starts: "./serve --port $PORT", why: "Procfile", procfileWorkers: "clock"},
	"procfile of developers":    {files: files{"package.json": start("nodemon x.js"), "Procfile": "web: node x.js"}, kind: "command", starts: "node x.js", why: "Procfile"},
	"procfile beside a startup": {files: files{"wsgi.py": "", "Procfile": "web: gunicorn wsgi\n"}, kind: "python", starts: "wsgi.py", why: "wsgi.py", others: "Procfile"},
}

type files = map[string]string

func start(script string) string { return `{"scripts": {"start": "` + script + `"}}` }

func TestSampleFoldersAreKnownForWhatTheyAre(t *testing.T) {
	for name, sample := range samples {
		t.Run(name, func(t *testing.T) {
			app, err := kind.Detect(conf.App{Name: "blog", Root: write(t, sample.files)})
			if err != nil {
				t.Fatal(err)
			}
			if got := app.StartupFile + app.Command.Shell; app.Kind != sample.kind || got != sample.starts {
				t.Errorf("it is taken for a %s app started by %q, want %s and %q", app.Kind, got, sample.kind, sample.starts)
			}
			if app.Found.Why != sample.why {
				t.Errorf("the reason is %q, want %q", app.Found.Why, sample.why)
			}
			if got := strings.Join(app.Found.Others, ", "); got != sample.others {
				t.Errorf("what else is there is %q, want %q", got, sample.others)
			}
			if notes := strings.Join(app.Found.Notes, "; "); !strings.Contains(notes, sample.note) || sample.note == "" && notes != "" {
				t.Errorf("it says %q, want %q", notes, sample.note)
			}
			if _, has := app.Found.Procfile[sample.procfileWorkers]; has != (sample.procfileWorkers != "") || app.Found.Procfile["release"]+app.Found.Procfile["web"] != "" {
				t.Errorf("of the Procfile, %v runs beside it, want %q", app.Found.Procfile, sample.procfileWorkers)
			}
		})
	}
}

func TestWhatCannotBeToldIsRefusedWithItsReason(t *testing.T) {
	for name, test := range map[string]struct {
		files files
		want  string
	}{
		"empty":                     {nil, "says how to start it (looked for config.ru, "},
		"two files of mod_wsgi":     {files{"a.wsgi": "", "b.wsgi": ""}, "there are several: a.wsgi, b.wsgi"},
		"django without a project":  {files{"manage.py": managing}, "manage.py is there, but no wsgi.py or asgi.py in the folder of its project"},
		"a script":                  {files{"app.py": "print(1)\n"}, "app.py defines no app, application or create_app"},
		"nodemon":                   {files{"package.json": start("nodemon x.js")}, "the script start of package.json runs nodemon, which is for development"},
		"pm2":                       {files{"package.json": start("pm2 start x.js")}, "runs pm2, which is for development"},
		"--watch":                   {files{"package.json": start("node --watch x.js")}, "runs --watch, which is for development"},
		"dev by another script":     {files{"package.json": `{"scripts": {"start": "npm run dev", "dev": "next dev"}}`}, "runs next dev, which is for development"},
		"vite":                      {files{"package.json": start("PORT=1 vite --host")}, "runs vite --host, which is for development"},
		"react":                     {files{"package.json": start("react-scripts start")}, "runs react-scripts start, which is for development"},
		"not built":                 {files{"package.json": start("node dist/main.js")}, "starts dist/main.js, which is not there: does it have to be built first?"},
		"source of meteor":          {files{".meteor/release": ""}, "run meteor build, and serve the folder bundle of that"},
		"a Procfile of workers":     {files{"Procfile": "worker: x\n"}, "the Procfile has no line web"},
		"a package.json not of npm": {files{"package.json": `{"scripts": "x"`}, "says how to start it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kind.Detect(conf.App{Name: "blog", Root: write(t, test.files)})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if text := err.Error(); !strings.Contains(text, test.want) || !strings.Contains(text, "; set command, or kind and startup_file") || strings.Contains(text, "\n") {
				t.Errorf("the error is %q, want one sentence with %q", text, test.want)
			}
		})
	}
}

func TestWhatIsWrittenWins(t *testing.T) {
	root := write(t, files{"config.ru": "", "app.js": listening, "blog/wsgi.py": ""})
	for _, test := range []struct {
		written           conf.App
		kind, starts, why string
		others            []string
	}{
		{conf.App{Command: conf.Command{Shell: "run"}}, "command", "run", "command", []string{"config.ru", "app.js"}},
		{conf.App{StartupFile: "blog/wsgi.py"}, "python", "blog/wsgi.py", "startup_file", []string{"config.ru", "app.js"}},
		{conf.App{Kind: "node"}, "node", "app.js", "app.js", []string{"config.ru"}},
		{conf.App{Kind: "node", StartupFile: "app.js"}, "node", "app.js", "startup_file", []string{"config.ru"}},
	} {
		test.written.Root = root
		app, err := kind.Detect(test.written)
		if err != nil {
			t.Fatal(err)
		}
		if got := app.StartupFile + app.Command.Shell; app.Kind != test.kind || got != test.starts || app.Found.Why != test.why || !slices.Equal(app.Found.Others, test.others) {
			t.Errorf("%s %s because of %s beside %q, want %+v", app.Kind, got, app.Found.Why, app.Found.Others, test)
		}
	}
}

func write(t *testing.T, files files) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}
