// The same app as an ES module, with nothing but what the end-to-end test asks for.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const version = readFileSync(new URL('./VERSION', import.meta.url), 'utf8').trim();
if (version === 'broken') throw new Error('this release is broken');

createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(`v=${version} pid=${process.pid} esm\n`);
}).listen(process.env.PORT || 3000);
