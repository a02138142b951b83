package helper

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is a helper that was started.
type Process interface {
	Kill()
}

// An unanswered request is one for which there was no helper, or that it did not carry out, as disk.Unanswered has it.
type unanswered string

func (u unanswered) Error() string { return string(u) }
func (unanswered) Unanswered()     {}

const (
	errLost    = unanswered("the process that does it as the app's user has ended")
	errSlow    = unanswered("the process that does it as the app's user did not answer in time, and so was killed")
	errStarted = unanswered("cannot start the process that does it as the app's user")
)

// A link is one helper process, and those who wait for its answers.
type link struct {
	conn    *net.UnixConn
	process Process
	grants  []string // it was started with
	done    chan struct{}
	limit   time.Duration // for each answer

	sending sync.Mutex // held while a message is sent

	mu      sync.Mutex // guards what follows; nothing is waited for under it
	last    uint32
	waiting map[uint32]chan message // each has a place for one
	leaving bool                    // nothing more is asked
	ended   error                   // why nothing is answered any more
}

func newLink(conn *net.UnixConn, process Process, grants []string, limit time.Duration) *link {
	l := &link{conn: conn, process: process, grants: grants, done: make(chan struct{}), limit: limit, waiting: map[uint32]chan message{}}
	go l.listen()
	return l
}

// listen takes answers until the helper ends, or answers what is none.
func (l *link) listen() {
	defer close(l.done)
	for {
		m, err := receive(l.conn, mostAnswer)
		if err != nil {
			_, broken := errors.AsType[malformed](err)
			if !broken {
				err = errLost
			}
			l.end(err)
			return
		}
		if !l.take(m) {
			l.end(errLost)
			return
		}
	}
}

// take gives an answer to who waits for it. It reports whether there may be more.
func (l *link) take(m message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.waiting[m.number]
	delete(l.waiting, m.number)
	if waiting != nil {
		waiting <- m
	} else if m.file != nil {
		m.file.Close()
	}
	return !l.leaving || len(l.waiting) > 0
}

// leave ends the helper once it has answered all that it was asked.
func (l *link) leave() {
	l.mu.Lock()
	l.leaving = true
	rests := len(l.waiting) == 0
	l.mu.Unlock()
	if rests {
		l.end(errLost)
	}
}

// over reports whether nothing is left of it.
func (l *link) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// end kills the helper, for the reason that all are told who wait.
func (l *link) end(why error) {
	l.mu.Lock()
	first := l.ended == nil
	if first {
		l.ended = why
	}
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	if first {
		l.conn.Close()
		l.process.Kill()
	}
	for _, w := range waiting {
		close(w)
	}
}

// ask returns what is answered to a request.
func (l *link) ask(v verb, q request, file int) (a answer, with *os.File, err error) {
	number, got, err := l.expect()
	if err != nil {
		return a, nil, err
	}
	limit := time.NewTimer(l.limit)
	defer limit.Stop()
	if err := l.send(message{verb: v, number: number, body: q.bytes()}, file); err != nil {
		l.forget(number)
		return a, nil, err
	}
	var m message
	answered := true
	select {
	case m, answered = <-got:
	case <-limit.C:
		l.end(errSlow)
		m, answered = <-got
	}
	if !answered {
		return a, nil, l.why()
	}
	if m.verb != v {
		err = malformed("its verb is another than was asked")
	} else {
		a, err = parseAnswer(m.body)
	}
	if err != nil {
		l.end(err)
		if m.file != nil {
			m.file.Close()
		}
		return a, nil, err
	}
	return a, m.file, nil
}

// send ends the helper if that is gone, or takes nothing. What fails here says nothing about it.
func (l *link) send(m message, file int) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(l.limit))
	err := m.send(l.conn, file)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.end(errSlow)
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET), errors.Is(err, net.ErrClosed):
		l.end(errLost)
	default:
		return err
	}
	return l.why()
}

// forget is for who waits no more.
func (l *link) forget(number uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, number)
}

// expect makes room for an answer.
func (l *link) expect() (number uint32, got chan message, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return 0, nil, l.ended
	}
	if l.leaving {
		return 0, nil, errLost
	}
	l.last++
	got = make(chan message, 1)
	l.waiting[l.last] = got
	return l.last, got, nil
}

func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}
