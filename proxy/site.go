package proxy

import (
	"sync/atomic"

	"purser/conf"
	"purser/pool"
	"purser/proxy/cache"
	"purser/proxy/files"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// A site is an app as requests see it.
type site struct {
	app    conf.App
	group  *pool.Group
	public *files.Public                         // nil = no static files
	tally  *tally                                // nil = nobody counts
	pins   *pins                                 // nil = no affinity
	cache  *cache.Cache                          // nil = none
	fresh  func(app string) (pin int, err error) // nil but in development
	hsts   *wire.Field                           // nil = none
	taking *atomic.Int64                         // requests whose body is being taken in

	stopped bool           // by an operator: nobody is served
	terms   upstream.Terms // on which its processes are asked
}

// unlimited reports whether the app takes any number of requests at once. Only then is a request
// given up when its client leaves: elsewhere the process would go on with it, and the next request
// would wait behind it while the pool thought the process free.
func (to *site) unlimited() bool { return to.app.Concurrency == conf.Unlimited }
