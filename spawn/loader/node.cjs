// Runs before a Node.js app under Purser: by node --require for a startup file, by NODE_OPTIONS for a command. It puts an HTTP server of the app on the
// unix socket $PURSER_SOCKET, whatever address the app asked for, and ends the process when Purser
// is gone. CommonJS and ES modules both come by here: they share net.Server.
'use strict';

const fs = require('fs');
const http = require('http');
const net = require('net');
const { pathToFileURL } = require('url');
const { isMainThread } = require('worker_threads');

const socket = process.env.PURSER_SOCKET;

// Node's default of 5 s closes an idle connection just when the front uses it again.
const keepAliveTimeout = 600000;

// With NODE_OPTIONS, the loader is in every program of Node.js that a command runs: in npx or cross-env above the app, too.
const byCommand = (process.env.NODE_OPTIONS ?? '').includes(__filename);

// A child made by fork() inherits --require and the environment, but must not take the app's
// socket; only the members of a cluster share it. So the first to come has it: of a command, the first that listens.
let owned = false;

function own() {
  if (owned) return true;
  if (!require('cluster').isWorker) {
    try {
      fs.closeSync(fs.openSync(socket + '.owner', 'wx', 0o600));
    } catch {
      return false;
    }
  }
  owned = true;
  endWithPurser();
  return true;
}

// Servers that speak no HTTP (port probes, metrics pipes) keep their own address. An https server
// exists only once https is loaded, so asking for it here costs the others next to nothing.
function speaksHTTP(server) {
  return server instanceof http.Server || server instanceof require('https').Server;
}

// Behind the front the hop is plain HTTP: hand the socket to the HTTP side without TLS.
function dropTLS(server) {
  server.removeAllListeners('connection');
  server.on('connection', (connection) => server.emit('secureConnection', connection));
}

// The peer is the front, on this machine: apps that trust a proxy on loopback look at this.
function onLoopback(connection) {
  for (const [name, value] of [['remoteAddress', '127.0.0.1'], ['remoteFamily', 'IPv4']]) {
    Object.defineProperty(connection, name, { value, configurable: true });
  }
}

// Which of several HTTP servers is the app's: the one that says "passenger", else the one that asks
// for $PORT, else the first. The others are for metrics or an administrator.
const PASSENGER = 3;
const PORT = 2;
const ANY = 1;

let autoInstall = true;
let listened = false; // some server was asked to

function claimOf(args) {
  const { path, port } = Object(args[0]);
  const asked = String(path ?? port ?? args[0]);
  if (/^\/?passenger$/.test(asked)) return PASSENGER;
  if (!autoInstall) return 0;
  return asked === process.env.PORT ? PORT : ANY;
}

function takeOneListen() {
  const listen = net.Server.prototype.listen;
  let owner; // { server, claim, args }

  function take(server, claim, args) {
    owner = { server, claim, args };
    const release = () => { if (owner?.server === server) owner = undefined; };
    server.once('close', release);
    server.once('error', release);
    if (!(server instanceof http.Server)) dropTLS(server);
    server.prependListener('connection', onLoopback);
    if (server.keepAliveTimeout === 5000) server.keepAliveTimeout = keepAliveTimeout;
    const { signal, backlog } = Object(args[0]);
    const callback = args.filter((arg) => typeof arg === 'function').pop();
    return listen.call(server, { path: socket, signal, backlog }, callback);
  }

  // A server with a better claim came: the earlier one goes where it wanted to be.
  function giveBack() {
    const { server, args } = owner;
    owner = undefined;
    server.removeListener('connection', onLoopback);
    server._handle?.close(); // unlinks the socket; the server itself must not end
    server._handle = null;
    listen.apply(server, args.filter((arg) => typeof arg !== 'function'));
  }

  net.Server.prototype.listen = function (...args) {
    listened = true;
    const claim = speaksHTTP(this) ? claimOf(args) : 0;
    if (!claim || !own()) return listen.apply(this, args);
    if (owner && owner.server !== this) {
      process.stderr.write('purser: the app has a second HTTP server; visitors get to ' +
        (claim > owner.claim ? 'this one' : 'the first') + ', the other one is where it asked to listen\n');
    }
    if (owner && claim <= owner.claim) return listen.apply(this, args);
    if (owner) giveBack();
    return take(this, claim, args);
  };

  // What apps for Passenger say before they listen to 'passenger'.
  globalThis.PhusionPassenger = {
    configure(options) { autoInstall = options?.autoInstall !== false; },
    on() {},
  };
}

// Purser also closes stdin when it asks the app to stop; then the signal does the work and the app
// finishes in peace. Only when the parent is gone as well is there nobody left to serve.
function endWithPurser() {
  const parent = process.ppid;
  process.stdin.on('error', () => {});
  process.stdin.on('end', () => {
    setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 100).unref();
  });
  process.stdin.resume();
  process.stdin.unref?.();
}

// Purser makes as many processes as are needed. Of a cluster one worker is made in each, and made again when it ends.
function makeOneWorker() {
  const cluster = require('cluster');
  if (cluster.isWorker) return;
  cluster.schedulingPolicy = cluster.SCHED_NONE; // of a worker that ends, the primary would keep the connections open for ever
  const fork = cluster.fork;
  let worker;
  let told = false;
  cluster.fork = function (...args) {
    if (!worker?.isConnected() || worker.isDead() || worker.exitedAfterDisconnect) return (worker = fork.apply(this, args));
    if (!told) {
      process.stderr.write('purser: the app makes a cluster; it gets one worker in each process, as max_processes says how many of these there are\n');
    }
    told = true;
    return worker;
  };
  require('module').syncBuiltinESMExports();
}

// An app.js that exports its app and listens nowhere, as that of express-generator, leaves nothing to wait for: then we
// listen for it. It may be a function of request and response, or have a listen of its own.
function listenForExports() {
  process.once('beforeExit', async () => {
    if (listened || process.exitCode) return;
    const main = process.argv[1];
    let app = await import(pathToFileURL(main)); // once more gives what is loaded
    while (app?.default && typeof app !== 'function') app = app.default; // of a module, of one that was compiled to CommonJS
    if (typeof app === 'function' && app.length >= 2) {
      http.createServer(app).listen(process.env.PORT);
    } else if (typeof app?.listen === 'function') {
      app.listen({ port: Number(process.env.PORT) });
    } else {
      process.stderr.write('purser: ' + main + ' came to its end without listening, and exports no app\n');
      process.exitCode ||= 1;
    }
  });
}

if (socket && isMainThread && (byCommand || own())) {
  takeOneListen();
  makeOneWorker();
  if (!byCommand && !require('cluster').isWorker) listenForExports();
}
