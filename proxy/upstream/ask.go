package upstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// An Asker is who waits for an answer.
type Asker interface {
	Gone() bool                           // nobody waits any more
	WakeOnGone(s *sock.Socket, look bool) // has s woken when that becomes true; look for it, if look is set
	Interim(h *wire.ResponseHead)
}

// A Watcher is told of an ask of which nothing has come for Terms.Silence. It goes on.
type Watcher interface{ Silent() }

// A Source is a body that is sent while it comes. Begin comes first; then another goroutine takes it, piece by piece,
// until io.EOF.
type Source interface {
	Begin() error
	Next() ([]byte, error)
	Trailers() []wire.Field
	Stop() // has Next return soon
}

// A Request is what a process is asked.
type Request struct {
	*wire.Request
	Added    wire.Lines // behind its fields
	Body     *spool.Body
	Trailers []wire.Field // sent behind the body
	Source   Source       // of a body that is sent while it comes; nil = it is all there
	Asker    Asker
	Watcher  Watcher
	Terms    *Terms
	PassOn   bool // the trailers of Source, too
	Fresh    bool // ask on a new connection
}

// Terms are what is the same for all requests to an app.
type Terms struct {
	Limit   time.Duration // for the head of the answer; 0 = none
	Silence time.Duration // before the first byte of the answer, until the Watcher is told; 0 = it is not
	Stall   time.Duration // between two bytes of its content; 0 = none
	LookOut bool          // an answer is given up when who asks leaves
	Timed   bool          // somebody asks how long it takes to connect

	Sweeper *sock.Sweeper
	Context context.Context       // ends when nothing may be opened any more
	Kept    func(fd uintptr) bool // reports whether the descriptor of a new link is kept for others; nil = none is
}

// An Ask is one request to one process, and what comes of it. Its memory for bytes is borrowed only
// while there is something in it, so that thousands may wait for their processes.
type Ask struct {
	req      *Request
	way      *Way
	link     *sock.Socket
	buf      *buffer // nil while there is nothing in it
	sender   *sender // still sending the body, beside the reading of the answer
	fresh    bool    // link was opened for it
	answered bool    // the head of the answer has come
	uploads  bool    // the sender still waits for the client, as far as is known
	limit    int64   // for the head of the answer; 0 = none
	silent   int64   // when the watcher is told that nothing has come; 0 = it is not
	content  content

	connecting int64 // how long opening link took, in nanoseconds; 0 = it was there, or nobody asks
}

// Do sends a request to a process and reads the head of its answer.
func (a *Ask) Do(way *Way, r *Request) error {
	a.way, a.req, a.fresh, a.content.reusable, a.connecting = way, r, false, false, 0
	if err := a.open(); err != nil {
		return err
	}
	a.limit, a.silent, a.uploads, a.answered = 0, 0, r.Source != nil, false
	if a.uploads {
		r.Asker.WakeOnGone(a.link, false) // who takes the body meets the client's end
	} else {
		a.startClocks()
	}
	err := a.ask()
	r.Asker.WakeOnGone(nil, false)
	a.link.Disarm()
	a.silent = 0
	return err
}

// startClocks begins the wait for a process that has all of its request.
func (a *Ask) startClocks() {
	t := a.req.Terms
	if t.Limit > 0 {
		a.limit = a.link.Clock().In(t.Limit)
	}
	if s := t.Silence; s > 0 && (s < t.Limit || a.limit == 0) {
		a.silent = a.link.Clock().In(s)
	}
	a.link.Arm(a.untilHead())
	a.req.Asker.WakeOnGone(a.link, t.LookOut)
}

// untilHead is when the wait for the head is interrupted next; 0 = never.
func (a *Ask) untilHead() int64 {
	if a.silent != 0 {
		return a.silent // which comes before the limit
	}
	return a.limit
}

func (a *Ask) ask() error {
	if a.req.Asker.Gone() { // looked at after WakeOnGone: who leaves from now on wakes us
		return ErrGone
	}
	if err := a.send(); err != nil {
		return err
	}
	return a.readHead()
}

// Head returns the head of the answer. It is there until the next wait.
func (a *Ask) Head() *wire.Response { return &a.buf.res }

// Link returns the connection to the process, after an upgrade or to wake who waits on it.
func (a *Ask) Link() *sock.Socket { return a.link }

// First returns what came behind the head.
func (a *Ask) First() []byte { return a.buf.in[a.buf.at:a.buf.have] }

// Release gives the memory back once what came has been used, after an upgrade.
func (a *Ask) Release() { a.drop() }

// appendHead appends the request's head, written from the parsed request.
func (a *Ask) appendHead(b []byte) []byte {
	r := a.req
	end, persistence := wire.Unsaid, wire.GoesOn
	switch {
	case r.WebSocketKey != nil:
		persistence = wire.Upgrades
	case r.inChunks():
		end = wire.InChunks
	case r.HasLength():
		end = wire.ByLength
	}
	length := r.Body.Size()
	if r.Source != nil {
		length = r.Length
	}
	return wire.AppendRequest(b, r.Request, r.Added, end, length, persistence)
}

// inChunks reports whether the body is sent chunked: where its length is not known, or trailers follow it.
func (r *Request) inChunks() bool {
	if r.Source != nil {
		return r.Chunked
	}
	return len(r.Trailers) > 0
}

// send sends the request and reads the first of the answer. What the kernel does not take at once is
// sent beside the reading: an app may answer before it has read everything (RFC 9112 section 9.3).
func (a *Ask) send() error {
	b := a.borrow()
	b.out = a.appendHead(b.out[:0])
	if a.req.Source != nil {
		if err := a.req.Source.Begin(); err != nil {
			return err
		}
		return a.sendBeside(b.out, 0, nil, false)
	}
	mem, ok := a.req.Body.InMemory()
	if !ok || len(a.req.Trailers) > 0 {
		wrote, err := a.link.TryWrite(b.out)
		return a.sendBeside(b.out[wrote:], wrote, err, false)
	}
	b.out = append(b.out, mem...)
	request := b.out
	for sent := 0; ; {
		wrote, n, err := a.link.Exchange(request[sent:], a)
		sent += wrote
		switch {
		case err == nil:
			a.buf.have += n
			return nil
		case errors.Is(err, sock.ErrPartialWrite):
			return a.sendBeside(request[sent:], sent, nil, true)
		case !sock.TimedOut(err):
			return unanswered(sent, err)
		}
		if err := a.interrupted(ErrSlow); err != nil {
			return err
		}
	}
}

// sendBeside leaves the rest of the request to a sender.
func (a *Ask) sendBeside(rest []byte, sent int, err error, whole bool) error {
	if err != nil {
		return unanswered(sent, err)
	}
	a.sender = startSender(a.link, slices.Clone(rest), a.req, whole)
	return nil
}

// interrupted says why a wait was ended from outside: by its deadline, or as nobody waits any more. A
// nil error is a wake that is for somebody else, or for the watcher.
func (a *Ask) interrupted(late error) error {
	passed := a.link.Passed()
	if err := a.uploaded(); err != nil { // looked at after Passed, which may have taken the wake for it back
		return err
	}
	if passed {
		if a.silent == 0 {
			return late
		}
		a.silent = 0
		a.link.Arm(a.limit)
		a.req.Watcher.Silent()
	}
	if a.req.Asker.Gone() { // the same
		return ErrGone
	}
	return nil
}

// End ends the ask. The link is kept for the next one if the answer was taken whole.
func (a *Ask) End() {
	if a.link == nil {
		return
	}
	reusable := a.content.reusable && (a.buf == nil || a.buf.at == a.buf.have) // bytes after the answer are nobody's
	if s := a.sender; s != nil {
		a.sender = nil
		defer s.fault.Raise() // once all is given back
		reusable = s.join(a.link) && reusable
	}
	a.link.Disarm()
	if reusable {
		a.way.put(a.link, a.fresh && !a.req.Idempotent())
	} else {
		a.link.Close()
	}
	a.link = nil
	a.drop()
}
