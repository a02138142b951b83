package proxy

import (
	"errors"
	"fmt"
	"runtime/debug"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// An exchange is one request and what becomes of it.
type exchange struct {
	srv  *Server
	call client.Call
	req  *wire.Request
	peer *client.Peer
	site *site // nil until it is found

	body  spool.Body
	order upstream.Request // what the process is asked
	loan  loan             // the process that is asked
	ask   upstream.Ask
	reply reply
	story story

	id    [32]byte
	added []wire.Field // memory for fields of ours
	ended bool         // in order, and not by a fault
}

// A story is what is known of an exchange beyond its parts, for those who decide and for the log. All of
// it is forgotten at once.
type story struct {
	client    []byte        // the client's address
	requestID []byte        // what the app, the log and an error page know the request by
	seen      int           // the newest generation that the client knows of; 0 = it does not say
	pin       int           // the oldest that may serve; 0 = any
	resent    bool          // the one retry of what was sent is used up
	served    *pool.Process // the last process that was asked
	queued    int64         // nanoseconds spent waiting for a process
	status    int           // of the answer; 0 = none yet
	sent      int64         // bytes of the answer's content
	reason    string        // Purser-Error, if the answer is ours
	outcome   pool.Outcome  // of what the process answered, once that is known
}

// newExchange returns an exchange that serves one call after the other.
func (s *Server) newExchange() client.Handler {
	x := &exchange{srv: s}
	x.body.Init(s.spool)
	x.order.Body, x.order.Added = &x.body, (*forwardedLines)(x)
	x.order.Sweeper, x.order.Context = s.sweeper, s.ctx
	return x
}

// Serve is the way of a request, in reading order.
func (x *exchange) Serve(c client.Call, bad error) {
	x.call, x.req, x.peer = c, c.Request(), c.Peer()
	defer x.end()
	r, err := x.answer(bad)
	if err != nil {
		r = x.failure(err) // the only place that turns errors into answers
	}
	if r != nil {
		x.deliver(r)
	}
	x.srv.access.record(x)
	x.ended = true
}

// answer asks in turn what can answer.
func (x *exchange) answer(bad error) (r *reply, err error) {
	if bad != nil {
		return nil, bad
	}
	if r := x.options(); r != nil {
		return r, nil
	}
	if x.site, err = x.srv.routes.find(x.req); err != nil {
		return nil, err
	}
	if r, err := x.publicFile(); r != nil || err != nil {
		return r, err
	}
	if err := x.takeBody(); err != nil {
		return nil, err
	}
	return x.forward()
}

// end gives back what the exchange holds, and forgets. A fault of ours ends this connection only.
func (x *exchange) end() {
	if !x.ended {
		x.recovered(recover())
	} else if x.loan.proc != nil {
		x.finish()
	}
	x.ask.End()
	x.loan.end(pool.Erred) // unless it has ended
	x.body.Reset()
	x.call, x.req, x.peer, x.site, x.ended = nil, nil, nil, nil, false
	x.order.Trailers, x.order.Fresh = nil, false
	x.reply.content, x.story = nil, story{}
}

func (x *exchange) recovered(fault any) {
	x.srv.faults.Add(1)
	x.srv.log.Error("a request was ended by a fault in purser; please report it", "panic", fault, "stack", string(debug.Stack()))
	x.call.Cut()
}

// options answers what asks about the server itself: OPTIONS of "*", or one that may go no further (RFC
// 9110 section 7.6.2).
func (x *exchange) options() *reply {
	if x.req.Target[0] != '*' && !(string(x.req.Method) == "OPTIONS" && string(x.req.Get(wire.MaxForwards)) == "0") {
		return nil
	}
	r := x.newReply(204)
	r.add("Allow", allowed)
	return r
}

var errFullBeforeBody = fmt.Errorf("before its body was taken: %w", pool.ErrQueueFull)

// takeBody takes the whole body in: no process is held while a client sends. A client that waits to be
// asked for it is refused before, if that is known already.
func (x *exchange) takeBody() error {
	if x.req.Length == 0 {
		return nil
	}
	if x.req.Continue && x.site.group.QueueFull() {
		return errFullBeforeBody
	}
	trailers, err := x.call.TakeBody(&x.body, x.site.app.MaxBody)
	if x.site.app.PassTrailers {
		x.order.Trailers = trailers
	}
	return err
}

// publicFile answers with a static file, if the request is for one.
func (x *exchange) publicFile() (*reply, error) {
	if x.site.public == nil || x.req.Length != 0 {
		return nil, nil
	}
	f, err := x.site.public.Open(x.req)
	if f == nil || err != nil {
		return nil, err
	}
	return x.fileReply(f), nil
}

// gone reports whether an error means that the client takes no more.
func gone(err error) bool { return errors.Is(err, upstream.ErrGone) || errors.Is(err, client.ErrGone) }
