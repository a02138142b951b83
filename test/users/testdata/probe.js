// An app that says who it is, and tries what it is asked to.
'use strict';
const fs = require('fs');
const os = require('os');
const net = require('net');
const http = require('http');
const child = require('child_process');

const attempt = (work) => { try { return work(); } catch (e) { return e.code || String(e); } };
const socket = process.env.PURSER_SOCKET;
const start = process.env.STARTED_WITH ? JSON.parse(process.env.STARTED_WITH) : {};

// A link in the place of the socket, which leads to another's.
if (start.link) fs.symlinkSync(start.link, socket);
else server().listen(socket);
if (start.link) setInterval(() => {}, 1000);

function server() {
  return http.createServer((req, res) => {
    const query = new URL(req.url, 'http://app').searchParams;
    const says = { pid: process.pid, uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), env: process.env, socket, cwd: process.cwd() };
    const own = (name) => fs.readFileSync('/proc/self/' + name, 'latin1');
    says.limits = own('limits') + own('status').match(/NoNewPrivs.*/) + ' nice ' + os.getPriority() + ' oom ' + own('oom_score_adj').trim();
    says.tried = [];
    for (const path of query.getAll('read')) says.tried.push(attempt(() => 'read ' + fs.readFileSync(path, 'latin1').length));
    for (const path of query.getAll('list')) says.tried.push(attempt(() => 'listed ' + fs.readdirSync(path).length));
    for (const path of query.getAll('write')) says.tried.push(attempt(() => { fs.writeFileSync(path, 'x'); return 'written'; }));
    for (const pid of query.getAll('kill')) says.tried.push(attempt(() => { process.kill(Number(pid), 0); return 'may kill'; }));
    for (const target of query.getAll('link')) says.tried.push(attempt(() => { fs.unlinkSync(socket); fs.symlinkSync(target, socket); return 'linked'; }));
    for (const script of query.getAll('leave')) says.left = child.spawn('setsid', ['sh', '-c', script], { detached: true, stdio: 'ignore' }).pid;
    const connecting = query.getAll('connect').map((path) => new Promise((done) => {
      const c = net.connect(path, () => { says.tried.push('connected'); c.destroy(); done(); });
      c.on('error', (e) => { says.tried.push(e.code); done(); });
    }));
    Promise.all(connecting).then(() => { res.setHeader('Connection', 'close'); res.end(JSON.stringify(says)); });
  });
}
