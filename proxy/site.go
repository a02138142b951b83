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

// A site is an app as requests see it: what there is for each step of a request, in their order.
type site struct {
	app     conf.App
	group   *pool.Group
	stopped bool // by an operator: nobody is served

	// Who is let in, and what is answered without the app. Nil is none of it.
	limits      *limits
	canonical   string // the host that visitors of others are sent to; "" = they are not
	guard       *guard // nil = everybody is let in
	maintenance *Maintenance
	admits      admittance // who is served in maintenance
	redirects   *redirects
	static      statics       // further folders of static files
	public      *files.Public // static files
	cache       *cache.Cache

	// How the app is asked.
	taking  *atomic.Int64                         // requests whose body is being taken in
	buffers *buffering                            // nil = as usual
	fresh   func(app string) (pin int, err error) // nil but in development
	pins    *pins                                 // nil = no affinity
	tracing tracing                               // what its processes get of W3C Trace Context
	terms   upstream.Terms                        // on which they are asked

	// What becomes of answers. Nil is nothing.
	accel       *accel       // files that the app may have sent
	pages       *pages       // in place of purser's own
	headers     *headers     // that are changed, of requests, too
	hsts        *wire.Field  // that is added
	compression *compression // nil = they go out as they are
	tally       *tally       // that counts them
}

// unlimited reports whether the app takes any number of requests at once. Only then is a request
// given up when its client leaves: elsewhere the process would go on with it, and the next request
// would wait behind it while the pool thought the process free.
func (to *site) unlimited() bool { return to.app.Concurrency == conf.Unlimited }

// opened are all its folders of static files.
func (to *site) opened() (all []*files.Public) {
	if to.public != nil {
		all = append(all, to.public)
	}
	for _, one := range to.static {
		all = append(all, one.public)
	}
	return all
}
