package proxy

import (
	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An exchange is one request and what becomes of it. What is asked for both before and after the wait for
// a process comes first, so that it lies together: in between thousands of others push it from the cache.
type exchange struct {
	*parts
	*table  // that was there when its request came
	call    client.Call
	req     *wire.Request
	site    *site    // nil until it is found
	loan    loan     // the process that is asked
	inquiry *inquiry // of the site's cache; nil = none
	story   story
	ask     upstream.Ask
	order   upstream.Request // what the process is asked
	reply   reply

	added  []wire.Field // memory for fields of ours
	origin origin
	body   spool.Body
	stream client.Stream // of a body that is sent while it comes, if it is

	encoded encodedContent // what the reply's content becomes
	file    fileContent    // the reply's content, if it is a file
	details details
}

// A story is what is known of an exchange beyond its parts, for those who decide and for the log. All of
// it is forgotten at once.
type story struct {
	seen     int           // the newest generation that the client knows of; 0 = it does not say
	pin      int           // the oldest that may serve; 0 = any
	served   *pool.Process // the last process that was asked
	asks     int           // how often a process was asked
	status   int           // of the answer; 0 = none yet
	sent     int64         // bytes of the answer's content
	reason   string        // Purser-Error, if the answer is ours
	resent   bool          // the one retry of what was sent is used up
	outcome  pool.Outcome  // of what the process answered, once that is known
	ending   ending        // unless it was answered in order
	cached   use           // what became of it by the cache
	finished bool          // in order, and not by a fault
	detailed bool          // there are details

	received  int64 // bytes of the request's body
	appStatus int   // of the app's answer; 0 = there was none
}

// Details are what few exchanges have of a story. They lie apart: memory that a request does not touch pushes nothing
// from the cache.
type details struct {
	timers
	rate    int64  // X-Accel-Limit-Rate: bytes in a second that the client is sent; 0 = as many as it takes
	charset []byte // X-Accel-Charset
}

// detail returns the details to add to them.
func (x *exchange) detail() *details {
	x.story.detailed = true
	return &x.details
}

// newExchange returns an exchange that serves one call after the other.
func (p *parts) newExchange() *exchange {
	x := &exchange{parts: p}
	x.init()
	return x
}

func (x *exchange) init() {
	p := x.parts
	x.body.Init(p.spool)
	x.origin.trusts = p.trusts
	x.order.Body, x.order.Added, x.order.Watcher = &x.body, &x.origin, x
}

// begin makes it that of another call.
func (x *exchange) begin(c client.Call) {
	x.underWay.Add(1)
	x.call, x.req, x.table = c, c.Request(), x.current.Load()
	x.origin.trustUnix = x.table.trustUnix
	x.origin.begin(c.Peer(), x.req)
}

// turnTo makes a site the one that is asked.
func (x *exchange) turnTo(to *site) { x.site, x.origin.to = to, to }

// end gives back what it holds, and forgets, whatever a fault of ours has left.
func (x *exchange) end() {
	defer x.forget()
	defer x.loan.end(pool.Erred) // unless it has ended
	if x.inquiry != nil {
		x.inquiry.end()
	}
	x.ask.End()
}

func (x *exchange) forget() {
	x.underWay.Add(-1)
	x.body.Reset()
	x.turnTo(nil)
	x.call, x.req, x.table = nil, nil, nil
	x.order.Trailers, x.order.Fresh, x.order.Source, x.stream = nil, false, nil, nil
	if x.story.detailed {
		x.details = details{}
	}
	x.reply.content, x.story = nil, story{}
}
