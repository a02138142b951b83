// The Node app of the black-box tests. What it answers shows which version was read at boot.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const crypto = require('crypto');

const version = fs.readFileSync(path.join(__dirname, 'VERSION'), 'utf8').trim();
const bootMs = Number(process.env.BOOT_MS || 0);
if (version === 'broken') throw new Error('this release is broken');

const routes = {
  '/slow': (req, res, query) =>
    setTimeout(() => res.end(`v=${version} pid=${process.pid}\n`), Number(query.get('ms') || 1000)),
  '/until': (req, res, query) => { // a file is in its folder
    const look = () => (fs.existsSync(path.join(__dirname, query.get('file'))) ? res.end('here it is\n') : setTimeout(look, 10));
    look();
  },
  '/stream': (req, res, query) => stream(req, res, query.get('type') || 'text/event-stream', query.get('retry')),
  '/next': (req, res, query) => {
    for (const waiting of streams) query.has('end') ? waiting.end() : waiting.write(`data: next v=${version}\n\n`);
    res.end(`streams=${streams.size}\n`);
  },
  '/big': (req, res, query) => {
    const bytes = Number(query.get('bytes') || 1 << 20);
    res.setHeader('Content-Length', bytes);
    res.end(Buffer.alloc(bytes, 'x'));
  },
  '/echo': (req, res) => {
    res.setHeader('Content-Type', 'application/octet-stream');
    req.pipe(res);
  },
  '/count': (req, res) => {
    let n = 0;
    req.on('data', (chunk) => { n += chunk.length; });
    req.on('end', () => res.end(`bytes=${n}\n`));
  },
  '/headers': (req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(req.headers));
  },
  '/env': (req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(process.env));
  },
  '/page': (req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(fs.readFileSync(path.join(__dirname, 'page.html')));
  },
  '/seen': (req, res) => res.end(JSON.stringify(seen)),
  '/crash': () => process.kill(process.pid, 'SIGKILL'),
  '/exit': () => process.exit(7),
};
const seen = {}; // how often each path was asked for

const streams = new Set(); // answers that /next adds to

// The first event is sent at once, each further one only when somebody asks for /next.
function stream(req, res, type, retry) {
  res.setHeader('Content-Type', type);
  if (retry) res.write(`retry: ${retry}\n`);
  res.write(`data: first v=${version}\n\n`);
  streams.add(res);
  res.on('close', () => streams.delete(res));
}

const server = http.createServer((req, res) => {
  const url = new URL(req.url, 'http://app');
  seen[url.pathname + url.search] = (seen[url.pathname + url.search] || 0) + 1;
  const route = routes[url.pathname];
  if (route) return route(req, res, url.searchParams);
  res.setHeader('Content-Type', 'text/plain');
  res.end(`v=${version} pid=${process.pid}\n`);
});

// A WebSocket echo by hand: single frames below 126 bytes, which is all the tests send.
server.on('upgrade', (req, socket) => {
  const key = req.headers['sec-websocket-key'];
  const accept = crypto.createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nX-Version: ${version}\r\n\r\n`);
  socket.on('error', () => socket.destroy());
  if (process.env.ENDS_SOCKETS) socket.on('end', () => socket.end()); // as servers do that know the protocol
  let pending = Buffer.alloc(0);
  socket.on('data', (data) => {
    pending = Buffer.concat([pending, data]);
    while (pending.length >= 6 && pending.length >= 6 + (pending[1] & 0x7f)) {
      const length = pending[1] & 0x7f;
      const mask = pending.subarray(2, 6);
      const payload = Buffer.from(pending.subarray(6, 6 + length).map((b, i) => b ^ mask[i % 4]));
      socket.write(Buffer.concat([Buffer.from([pending[0], length]), payload]));
      pending = pending.subarray(6 + length);
    }
  });
});

setTimeout(() => server.listen(process.env.PORT || 3000), bootMs);
