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
	app     conf.App
	group   *pool.Group
	public  *files.Public                         // nil = no static files
	static  statics                               // nil = no further folders of them
	accel   *accel                                // nil = the app may have no files sent
	tally   *tally                                // nil = nobody counts
	pins    *pins                                 // nil = no affinity
	fresh   func(app string) (pin int, err error) // nil but in development
	hsts    *wire.Field                           // nil = none
	buffers *buffering                            // nil = as usual
	taking  *atomic.Int64                         // requests whose body is being taken in

	limits      *limits      // nil = none
	cache       *cache.Cache // nil = none
	compression *compression // nil = answers go out as they are

	canonical string     // the host that visitors of others are sent to; "" = they are not
	guard     *guard     // nil = everybody is let in
	redirects *redirects // nil = none
	headers   *headers   // nil = none is changed

	maintenance *Maintenance // nil = it never is
	admits      admittance   // who is served in maintenance
	pages       *pages       // in place of purser's own; nil = none

	stopped bool           // by an operator: nobody is served
	tracing tracing        // what its processes get of W3C Trace Context
	terms   upstream.Terms // on which its processes are asked
}

// unlimited reports whether the app takes any number of requests at once. Only then is a request
// given up when its client leaves: elsewhere the process would go on with it, and the next request
// would wait behind it while the pool thought the process free.
func (to *site) unlimited() bool { return to.app.Concurrency == conf.Unlimited }

// offer are the header lines that tell the app which files it may have sent.
func (to *site) offer() []byte {
	if to.accel == nil {
		return nil
	}
	return to.accel.offer()
}

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
