package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/proxy/wire"
)

// Why a process gave no answer. What may be done about it differs.
var (
	errRefused    = errors.New("the process does not accept connections") // nothing was sent
	errNoLink     = errors.New("no connection to the process can be made")
	errUnsent     = errors.New("the process closed the connection before the request was sent")
	errNoAnswer   = errors.New("the process ended the connection without an answer")
	errUnread     = fmt.Errorf("%w, before it had read the request", errNoAnswer)
	errShortHead  = errors.New("the process ended the connection inside the head of its answer")
	errAppSlow    = errors.New("the process did not begin to answer in time")
	errClientGone = errors.New("the client hung up")
	errNotHTTP    = errors.New("the process does not speak HTTP/1")
	errHeadTooBig = errors.New("the head of the process's answer is too long")
	errManyEarly  = errors.New("the process sent too many interim answers")
	errSwitch     = errors.New("the process switched protocols unasked, or to another one")
)

// maxInterim is how many 1xx answers may precede the final one.
const maxInterim = 16

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
	c.app.arm(x.link, limit)
	if c.gone.Load() { // looked at after arming: whoever ends the wait from now on finds it
		return errClientGone
	}
	if x.unlimited() {
		c.asked.Store(c.srv.clock.now())
	}
	err := x.send()
	if err == nil {
		err = x.readAnswerHead()
	}
	c.asked.Store(0)
	c.app.disarm()
	return err
}

// connect opens a new connection to the process. One that refuses it is beyond repair; for any other
// failure the process is not to blame.
func (x *exchange) connect() (err error) {
	if x.link, err = upstreamOf(x.proc).dial(x.conn.srv.ctx); err == nil {
		return nil
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNRESET):
		x.site.group.Recycle(x.proc, "it does not accept connections: "+err.Error())
		return errRefused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errAppSlow
	}
	return fmt.Errorf("%w: %w", errNoLink, err)
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
	return noAnswer(err)
}

// noAnswer tells a process that ended before it had read the request: the kernel resets a connection that
// is closed with something unread in it, and ends it in order otherwise.
func noAnswer(err error) error {
	if errors.Is(err, unix.ECONNRESET) {
		return errUnread
	}
	return errNoAnswer
}

// expired says why the wait for the app was ended from outside.
func (x *exchange) expired() error {
	if x.conn.gone.Load() {
		return errClientGone
	}
	if x.delivery.stay != nil {
		return errStreamDue
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
		return noAnswer(err)
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

// unlimited reports whether the app takes any number of requests at once. Only then is a request
// given up when its client leaves: elsewhere the process would go on with it, and the next request
// would wait behind it while the pool thought the process free.
func (x *exchange) unlimited() bool { return x.site.app.Concurrency == conf.Unlimited }
