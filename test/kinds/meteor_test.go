package kinds

import (
	"testing"

	"purser/test/harness"
)

// A bundle as meteor build makes it, in small: the layout and what its parts do are as Meteor has made public, as no
// bundle is to be had from npm.
var meteorBundle = map[string]string{
	"star.json": `{"format": "site-archive-pre1", "builtBy": "Meteor METEOR@2.16", "programs": [{"name": "server", "arch": "os.linux.x86_64", "path": "programs/server/program.json"}]}`,
	"main.js": `const { join } = require('path');
const server = join(__dirname, 'programs', 'server');
process.argv = [...process.argv.slice(0, 2), 'program.json', ...process.argv.slice(2)];
process.chdir(server);
require(join(server, 'runtime.js'))({});
require(join(server, 'boot.js'));
`,
	"programs/server/package.json":       `{"name": "meteor-dev-bundle", "private": true, "scripts": {"install": "node npm-rebuild.js"}}`,
	"programs/server/node_modules/.keep": "",
	"programs/server/npm-rebuilds.json":  "[]",
	"programs/server/program.json":       `{"format": "javascript-image-pre1", "arch": "os.linux.x86_64", "load": [{"path": "packages/webapp.js"}, {"path": "app/app.js"}]}`,
	"programs/server/runtime.js":         "module.exports = options => options;\n",
	"programs/server/packages/webapp.js": meteorWebApp,
	"programs/server/app/app.js":         "WebApp.answer = (request, response) => response.end('Hello from Meteor');\n",
	"programs/server/boot.js":            meteorBoot,
	"Passengerfile.json":                 `{"app_type": "node", "startup_file": "main.js", "envvars": {"ROOT_URL": "http://localhost", "MONGO_URL": "mongodb://127.0.0.1:9/none"}}`,
}

const (
	meteorBoot = `const fs = require('fs'), path = require('path'), vm = require('vm');
const program = JSON.parse(fs.readFileSync(path.resolve(__dirname, process.argv[2]), 'utf8'));
for (const part of program.load) {
  const file = path.resolve(__dirname, part.path);
  vm.runInThisContext('(function (Npm) {' + fs.readFileSync(file, 'utf8') + '\n})', file)({require});
}
for (const hook of global.startup) hook();
if (global.main({}) !== 'DAEMON') process.exit(0);
`
	meteorWebApp = `const http = Npm.require('http');
for (const name of ['ROOT_URL', 'MONGO_URL']) if (!process.env[name]) throw new Error('Must pass options.rootUrl or set ' + name + ' in the server environment');
global.WebApp = {};
global.startup = [];
const server = http.createServer((request, response) => WebApp.answer(request, response));
server.setTimeout(5000);
global.main = () => {
  const place = process.env.UNIX_SOCKET_PATH || process.env.PORT || 0;
  server.listen(isNaN(place) ? {path: place} : {port: Number(place), host: process.env.BIND_IP || '0.0.0.0'});
  return 'DAEMON';
};
`
)

func TestABundleOfMeteorIsServedAsItIs(t *testing.T) {
	application{name: "meteor", make: bundleOfMeteor, path: "/", says: "Hello from Meteor", breaks: map[string]string{"programs/server/app/app.js": thrown}}.test(t)
}

func bundleOfMeteor(t *testing.T) harness.App {
	app := harness.EmptyApp(t)
	app.MakeFolders("programs/server/packages", "programs/server/app", "programs/server/node_modules")
	for name, text := range meteorBundle {
		app.Write(name, text)
	}
	return app
}
