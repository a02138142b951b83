// The origin server of the suite, on the port that it is given.
process.env.npm_config_protocol = 'http'
process.env.npm_config_port = process.env.PORT
process.env.npm_config_pidfile = '/dev/null'
await import('http-cache-tests/server/server.mjs')
