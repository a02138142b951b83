package proxy

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/proxy/wire"
)

// Why a process gave no answer. What may be done about it differs.
var (
	errRefused    = errors.New("the process does not accept connections") // nothing was sent
	errUnsent     = errors.New("the process closed the connection before the request was sent")
	errNoAnswer   = errors.New("the process ended the connection without an answer")
	errShortHead  = errors.New("the process ended the connection inside the head of its answer")
	errAppSlow    = errors.New("the process did not begin to answer in time")
	errClientGone = errors.New("the client hung up")
	errNotHTTP    = errors.New("the process does not speak HTTP/1")
	errHeadTooBig = errors.New("the head of the process's answer is too long")
	errManyEarly  = errors.New("the process sent too many interim answers")
	errSwitch     = errors.New("the process switched protocols unasked, or to another one")
)

// maxTries is how often a request is tried again at most: each process that refuses a connection is
// replaced, so that there is another soon.
const maxTries = 10

// maxInterim is how many 1xx answers may precede the final one.
const maxInterim = 16

// dyingTime is how long a process that ends its connections may take to end itself.
const dyingTime = 50 * time.Millisecond

// An answer is the memory for a process's answer. It is borrowed when there is something in it, so
// that thousands of requests may wait for their processes and the same few buffers, warm in the
// cache, serve all of them.
type answer struct {
	res  wire.Response
	up   []byte // the app's bytes: up[at:have] are not used up yet
	at   int
	have int
	out  []byte // on its way to either side
	log  []byte
}

var answers = sync.Pool{New: func() any {
	return &answer{up: make([]byte, bodyBuffer), out: make([]byte, 0, 2*bodyBuffer), log: make([]byte, 0, 512)}
}}

func (x *exchange) borrowAnswer() *answer {
	if x.answer == nil {
		x.answer = answers.Get().(*answer)
		x.answer.at, x.answer.have, x.answer.out = 0, 0, x.answer.out[:0]
	}
	return x.answer
}

func (x *exchange) dropAnswer() {
	if a := x.answer; a != nil {
		if len(a.up) > bodyBuffer {
			a.up = make([]byte, bodyBuffer)
		}
		if cap(a.out) > 4*bodyBuffer {
			a.out = make([]byte, 0, 2*bodyBuffer)
		}
		x.answer = nil
		answers.Put(a)
	}
}

// appSide is an exchange as the lender of memory for the app's bytes.
type appSide exchange

func (s *appSide) space() []byte {
	a := (*exchange)(s).borrowAnswer()
	switch {
	case a.at == a.have:
		a.at, a.have = 0, 0
	case a.have < len(a.up):
	case a.at > 0:
		a.have = copy(a.up, a.up[a.at:a.have])
		a.at = 0
	default:
		grown := make([]byte, 2*len(a.up))
		copy(grown, a.up)
		a.up = grown
	}
	return a.up[a.have:]
}

// unused gives the memory back unless it holds bytes that are not used up.
func (s *appSide) unused() {
	if s.answer.at == s.answer.have {
		(*exchange)(s).dropAnswer()
	}
}

// ask sends the request to the borrowed process and reads the head of its final answer.
func (x *exchange) ask(fresh bool) error {
	c := x.conn
	// A process may close an idle connection just as a request is sent on it. What cannot be sent
	// twice goes out on a connection that was busy a moment ago, or on a new one.
	longest := int64(idleLink)
	if !x.req.Idempotent() {
		longest = int64(tick) * 2
	}
	if x.link = upstreamOf(x.proc).take(fresh, c.srv.clock.now()-longest); x.link == nil {
		if err := x.connect(); err != nil {
			return err
		}
	}
	limit := int64(0)
	if t := x.site.app.RequestTimeout; t > 0 {
		limit = c.srv.clock.in(t)
	}
	if x.unlimited() {
		c.asked.Store(c.srv.clock.now())
	}
	c.app.arm(x.link, limit)
	err := x.send()
	if err == nil {
		err = x.readAnswerHead()
	}
	c.asked.Store(0)
	c.app.disarm()
	return err
}

// connect opens a new connection to the process. One that refuses it is beyond repair.
func (x *exchange) connect() (err error) {
	if x.link, err = upstreamOf(x.proc).dial(x.conn.srv.ctx); err != nil {
		x.site.group.Recycle(x.proc, "it does not accept connections: "+err.Error())
		return errRefused
	}
	return nil
}

// send sends the request and reads the first of the answer. What the kernel does not take at once is
// sent beside the reading: an app may answer before it has read everything (RFC 9112 section 9.3).
func (x *exchange) send() error {
	a := x.borrowAnswer()
	a.out = x.appendRequestHead(a.out[:0])
	if x.body.file != nil || x.body.chunked() {
		wrote, err := x.link.tryWriting(a.out)
		return x.sendBeside(a.out[wrote:], wrote, err, false)
	}
	a.out = append(a.out, x.body.mem...)
	request := a.out
	for sent := 0; ; {
		wrote, n, err := x.link.exchange(request[sent:], (*appSide)(x))
		sent += wrote
		switch {
		case err == nil:
			x.answer.have += n
			return nil
		case errors.Is(err, errPartialWrite):
			return x.sendBeside(request[sent:], sent, nil, true)
		case !timedOut(err):
			return unanswered(sent, err)
		case x.conn.app.passed(x.link):
			return x.expired()
		}
	}
}

// sendBeside leaves the rest of the request to a sender.
func (x *exchange) sendBeside(rest []byte, sent int, err error, whole bool) error {
	if err != nil {
		return unanswered(sent, err)
	}
	x.sender = startSender(x.link, slices.Clone(rest), &x.body, whole)
	return nil
}

// unanswered says what a failure before the first byte of an answer means.
func unanswered(sent int, err error) error {
	if sent == 0 && errors.Is(err, unix.EPIPE) {
		return errUnsent
	}
	return errNoAnswer
}

// expired says why the wait for the app was ended from outside.
func (x *exchange) expired() error {
	if x.conn.gone.Load() {
		return errClientGone
	}
	x.site.group.Recycle(x.proc, "request_timeout passed")
	return errAppSlow
}

// fillAnswer reads more from the process.
func (x *exchange) fillAnswer() error {
	for {
		n, err := x.link.read((*appSide)(x))
		if err == nil {
			x.answer.have += n
			return nil
		}
		if !timedOut(err) {
			return err
		}
		if x.conn.app.passed(x.link) {
			return x.expired()
		}
	}
}

// readAnswerHead reads heads until the final one, passing interim answers on.
func (x *exchange) readAnswerHead() error {
	scanned := 0
	for interim := 0; ; {
		a := x.borrowAnswer()
		head := a.up[a.at:a.have]
		if !couldBeHTTP(head) {
			return errNotHTTP
		}
		end, seen, _ := wire.HeadEnd(head, scanned, false)
		if scanned = seen; end == 0 {
			if len(head) >= wire.MaxAppHead {
				return errHeadTooBig
			}
			if err := x.fillHead(); err != nil {
				return err
			}
			continue
		}
		if err := a.res.Parse(head[:end], x.req.IsHead()); err != nil {
			return err
		}
		a.at += end
		if a.res.Status >= 200 || a.res.Status == 101 {
			return x.checkSwitch()
		}
		if interim++; interim > maxInterim {
			return errManyEarly
		}
		scanned = 0
		x.passInterim()
	}
}

func (x *exchange) fillHead() error {
	err := x.fillAnswer()
	switch {
	case err == nil, errors.Is(err, errAppSlow), errors.Is(err, errClientGone):
		return err
	case x.answer == nil || x.answer.have == x.answer.at:
		return errNoAnswer
	}
	return errShortHead
}

// couldBeHTTP reports whether what has come so far may begin a status line.
func couldBeHTTP(b []byte) bool {
	const begin = "HTTP/1."
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// checkSwitch refuses a 101 that nobody asked for, or to something else (RFC 6455 section 4.1).
func (x *exchange) checkSwitch() error {
	r := &x.answer.res
	if r.Status != 101 {
		return nil
	}
	if x.req.WebSocketKey == nil || !wire.EqualFold(r.Upgrade, "websocket") ||
		!bytes.Equal(r.Accept, acceptKey(x.req.WebSocketKey)) {
		return errSwitch
	}
	return nil
}

// passInterim passes 102 and 103 on to clients that can take them (RFC 9110 section 15.2). A 100 of
// the app's is its answer to an expectation that we have met ourselves.
func (x *exchange) passInterim() {
	a := x.answer
	if a.res.Status == 100 || x.req.Minor == 0 {
		return
	}
	a.out = appendStatusLine(a.out[:0], a.res.Status, a.res.Reason)
	a.out = appendFields(a.out, a.res.Fields)
	a.out = append(a.out, '\r', '\n')
	_ = x.conn.write(a.out) // a client that is gone is noticed at the answer
}

// mayRetry reports whether a process may be asked again. RFC 9110 section 9.2.2: what was sent may be
// sent again only if the method is idempotent; we do that once.
func (x *exchange) mayRetry(err error, tries int) bool {
	switch {
	case tries == maxTries:
		return false
	case errors.Is(err, errRefused), errors.Is(err, errUnsent):
		return true
	case !errors.Is(err, errNoAnswer) || !x.req.Idempotent() || x.resent:
		return false
	}
	x.resent = true
	x.outlive()
	return true
}

// outlive sees to it that the retry does not go to a process that is dying. One that is killed ends
// its connections a moment before anybody can know that it is dead; if it is the only one, its fate is
// awaited.
func (x *exchange) outlive() {
	gone := x.site.group.Doubt(x.served)
	p := x.site.group.TryAcquire()
	if p != nil {
		x.site.group.Release(p)
	}
	if p != x.served {
		return
	}
	select {
	case <-gone:
	case <-time.After(dyingTime):
	}
}

// unlimited reports whether the app takes any number of requests at once. Only then is a request
// given up when its client leaves: elsewhere the process would go on with it, and the next request
// would wait behind it while the pool thought the process free.
func (x *exchange) unlimited() bool { return x.site.app.Concurrency == conf.Unlimited }
