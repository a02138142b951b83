package proxy

import (
	"bytes"
	"errors"
	"sync"

	"purser/pool"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// An exchange is one request and what becomes of it. It holds the client's bytes from the first of
// the head to the last of the body; the answer's side has memory of its own, borrowed only while
// there is something in it.
type exchange struct {
	conn *conn
	req  wire.Request

	in      []byte // the client's bytes: in[at:have] are not used up yet
	at      int    // where the head begins
	have    int
	head    int // length of the head, once complete
	scanned int
	blank   int // empty lines before the head
	next    int // where the next pipelined request begins, once this one's end is known

	site     *site
	body     requestBody
	whole    bool // the request has been read to its end
	refused  bool // answered by us, with the client perhaps still sending
	proc     *pool.Process
	served   *pool.Process // the last proc: for the log, and for a retry to avoid
	link     *socket       // to proc
	sender   *sender       // still sending the body, beside the reading of the answer
	file     *files.File   // that answers it, if it is a static one
	seen     int           // the newest generation that the client knows of; 0 = it does not say
	pin      int           // the oldest that may serve; 0 = any
	held     bool          // proc counts this as a long-lived connection
	resent   bool          // the one retry of what was sent is used up
	answer   *answer
	delivery delivery
	queued   int64 // nanoseconds spent waiting for a process

	began  int64
	status int    // of the answer; 0 = none yet
	sent   int64  // bytes of the answer's content
	reason string // Purser-Error, if the answer is ours
	id     [32]byte
}

const (
	firstBuffer = 4 << 10
	bodyBuffer  = 32 << 10 // while a body is read
	keepBuffer  = 16 << 10 // a larger one is not kept for the next exchange
)

var exchanges = sync.Pool{New: func() any { return &exchange{in: make([]byte, firstBuffer)} }}

func newExchange(c *conn) *exchange {
	x := exchanges.Get().(*exchange)
	x.conn = c
	return x
}

// recycle gives all that the exchange holds back.
func (x *exchange) recycle() {
	x.body.close()
	x.dropAnswer()
	x.forget()
	if n := len(x.in); n > keepBuffer || n < firstBuffer {
		x.in = make([]byte, firstBuffer)
	}
	x.conn, x.at, x.have, x.next = nil, 0, 0, 0
	exchanges.Put(x)
}

// forget makes the exchange ready for the next head in its buffer.
func (x *exchange) forget() {
	x.head, x.scanned, x.blank = 0, 0, 0
	x.site, x.proc, x.served, x.link = nil, nil, nil, nil
	x.held, x.resent, x.refused = false, false, false
	x.req.Reset()
	x.seen, x.pin = 0, 0
	x.queued, x.status, x.sent, x.reason, x.id[0] = 0, 0, 0, "", 0
}

// finish ends one exchange on a connection that lives on: bytes that were sent ahead (pipelining)
// are kept, otherwise the connection goes idle without memory.
func (x *exchange) finish() {
	x.body.close()
	x.dropAnswer()
	if x.next == x.have {
		c := x.conn
		c.x = nil
		x.recycle()
		return
	}
	x.forget()
	x.have = copy(x.in, x.in[x.next:x.have])
	x.at, x.next = 0, 0
}

// space lends the buffer behind the bytes already there.
func (x *exchange) space() []byte {
	if x.have == len(x.in) {
		grown := make([]byte, 2*len(x.in))
		copy(grown, x.in)
		x.in = grown
	}
	return x.in[x.have:]
}

func (x *exchange) unused() {}

var (
	errBlankLines = &wire.Error{Status: 400, Text: "more than four empty lines precede the request"}
	errFirstByte  = &wire.Error{Status: 400, Text: "this is not an HTTP request"}
	errHeadLong   = &wire.Error{Status: 431, Text: "the head is too long"}
	errTargetLong = &wire.Error{Status: 414, Text: "the request target is too long"}
)

// scanHead looks whether the head is complete. Robustness of RFC 9112 section 2.2: a few empty lines
// before it are skipped.
func (x *exchange) scanHead() (bool, error) {
	for x.head == 0 && x.scanned == 0 && x.have-x.at > 0 && x.in[x.at] == '\r' {
		if x.have-x.at == 1 {
			return false, nil
		}
		if x.blank++; x.in[x.at+1] != '\n' || x.blank > 4 {
			return false, errBlankLines
		}
		x.at += 2
	}
	head := x.in[x.at:x.have]
	if len(head) == 0 {
		return false, nil
	}
	if x.scanned == 0 && !wire.IsToken(head[:1]) {
		return false, errFirstByte
	}
	end, scanned, err := wire.HeadEnd(head, x.scanned, true)
	if err != nil {
		return false, err
	}
	if end > wire.MaxHead || end == 0 && len(head) >= wire.MaxHead {
		return false, errHeadLong
	}
	if end == 0 && firstLineTooLong(head) {
		return false, errTargetLong
	}
	x.head, x.scanned = end, scanned
	return end > 0, nil
}

func firstLineTooLong(head []byte) bool {
	const most = wire.MaxTarget + wire.MaxMethod + 16
	return len(head) > most && bytes.IndexByte(head[:most], '\n') < 0
}

// serve answers the request whose head has been parsed, and reports whether the connection can carry
// another. This is the way of a request in reading order.
func (x *exchange) serve() (keep bool) {
	x.conn.setPhase(serving)
	x.next = x.at + x.head
	switch err := x.admit(); {
	case err != nil:
		keep = x.fail(err)
	case x.site == nil:
		keep = x.answerOptions()
	case x.file != nil:
		keep = x.answerFile()
	default:
		keep = x.forward()
	}
	x.log()
	return keep && !x.req.Close && !x.conn.srv.stopping.Load()
}

// admit finds the app, or the file, and takes in the whole body: no process is held while a client
// sends.
func (x *exchange) admit() (err error) {
	x.whole = x.req.Length == 0
	if x.req.Target[0] == '*' || x.lastHop() {
		return nil
	}
	if x.site, err = x.conn.srv.routes.find(&x.req); err != nil {
		return err
	}
	if x.whole {
		if x.site.public != nil {
			x.file, err = x.site.public.Open(&x.req)
		}
		return err
	}
	if err = x.readBody(); err == nil {
		x.whole = true
	}
	return err
}

// lastHop reports whether the request is an OPTIONS that may go no further (RFC 9110 section 7.6.2).
func (x *exchange) lastHop() bool {
	return string(x.req.Method) == "OPTIONS" && string(x.req.Get(wire.MaxForwards)) == "0"
}

// forward borrows a process, has it answer and passes the answer on. A request that certainly had no
// effect is given to another process when its first one is gone.
func (x *exchange) forward() (keep bool) {
	if err := x.choosePin(); err != nil {
		return x.fail(err)
	}
	for tries := 0; ; tries++ {
		if err := x.acquire(); err != nil {
			return x.fail(err)
		}
		x.served = x.proc
		err := x.ask(tries > 0)
		if err == nil {
			return x.deliver()
		}
		x.giveBack(false, outcomeOf(err))
		if !x.mayRetry(err, tries) {
			return x.fail(err)
		}
		if errors.Is(err, errNoAnswer) {
			x.outlive()
		}
	}
}

// choosePin says which generations are too old to answer: those before the one that the client knows
// of, and in development those before the code on disk, if it is asked for at each request.
func (x *exchange) choosePin() error {
	if x.site.pins != nil {
		x.seen = x.pinOf()
		x.pin = x.seen
	}
	if x.site.fresh == nil {
		return nil
	}
	pin, err := x.site.fresh(x.site.app.Name)
	if err != nil {
		return &freshError{err}
	}
	x.pin = max(x.pin, pin)
	return nil
}

// acquire borrows a process of the app, waiting in its queue if it must. If one has failed the request
// already, it is another if possible, and of another generation.
func (x *exchange) acquire() (err error) {
	wish := pool.Wish{Pin: x.pin, Avoid: x.served}
	if x.proc = x.site.group.TryAcquire(wish); x.proc != nil {
		return nil
	}
	from := x.conn.srv.clock.exact()
	ctx, end := x.conn.presence()
	x.proc, err = x.site.group.Acquire(ctx, wish)
	end()
	x.queued += x.conn.srv.clock.exact() - from
	return err
}

// giveBack returns the process, and the connection to it if it may be used again.
func (x *exchange) giveBack(reusable bool, o pool.Outcome) {
	x.conn.app.leave()
	if x.sender != nil {
		reusable = x.sender.join(x.link) && reusable
		x.sender = nil
	}
	if x.link != nil {
		if upstream := upstreamOf(x.proc); reusable {
			upstream.put(x.link, x.conn.srv.clock.now())
		} else {
			x.link.close()
		}
		x.link = nil
	}
	if x.proc == nil {
		return
	}
	if x.held {
		x.site.group.Drop(x.proc)
	} else {
		x.site.group.Release(x.proc, o)
	}
	x.proc = nil
}
