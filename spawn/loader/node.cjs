// Runs before a Node.js app under Purser (node --require). It puts the first HTTP server of the
// app on the unix socket $PURSER_SOCKET, whatever address the app asked for, and ends the process
// when Purser is gone. CommonJS and ES modules both come by here: they share net.Server.
'use strict';

const fs = require('fs');
const http = require('http');
const net = require('net');
const { isMainThread } = require('worker_threads');

const socket = process.env.PURSER_SOCKET;

// Node's default of 5 s closes an idle connection just when the front uses it again.
const keepAliveTimeout = 600000;

// A child made by fork() inherits --require and the environment, but must not take the app's
// socket; only the members of a cluster share it.
function isApp() {
  if (!socket || !isMainThread) return false;
  if (require('cluster').isWorker) return true;
  try {
    fs.closeSync(fs.openSync(socket + '.owner', 'wx', 0o600));
    return true;
  } catch {
    return false;
  }
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

function takeFirstListen() {
  const listen = net.Server.prototype.listen;
  let owner;

  net.Server.prototype.listen = function (...args) {
    if (owner || !speaksHTTP(this)) return listen.apply(this, args);
    owner = this;
    const release = () => { if (owner === this) owner = undefined; };
    this.once('close', release);
    this.once('error', release);
    if (!(this instanceof http.Server)) dropTLS(this);
    if (this.keepAliveTimeout === 5000) this.keepAliveTimeout = keepAliveTimeout;
    const { signal, backlog } = Object(args[0]);
    const callback = args.filter((arg) => typeof arg === 'function').pop();
    return listen.call(this, { path: socket, signal, backlog }, callback);
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

if (isApp()) {
  takeFirstListen();
  endWithPurser();
}
