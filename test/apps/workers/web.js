// Answers which code serves.
const fs = require('fs')
const http = require('http')

const version = fs.readFileSync('VERSION', 'utf8').trim()
http.createServer((request, response) => response.end(`v=${version}`)).listen(process.env.PORT, '127.0.0.1')
