package upstream

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Why a process gave no answer, or no whole one. What may be done about it differs.
var (
	ErrRefused     = errors.New("the process does not accept connections") // nothing was sent
	ErrNoLink      = errors.New("no connection to the process can be made")
	ErrBacklog     = errors.New("the process accepts no further connection")
	ErrUnsent      = errors.New("the process closed the connection before the request was sent")
	ErrNoAnswer    = errors.New("the process ended the connection without an answer")
	ErrUnread      = fmt.Errorf("%w, before it had read the request", ErrNoAnswer)
	ErrShortHead   = errors.New("the process ended the connection inside the head of its answer")
	ErrShortAnswer = errors.New("the process ended the connection inside its answer")
	ErrSlow        = errors.New("the process did not begin to answer in time")
	ErrStalled     = errors.New("the process stopped in the middle of its answer for longer than answer_stall")
	ErrNotHTTP     = errors.New("the process does not speak HTTP/1")
	ErrHeadTooBig  = errors.New("the head of the process's answer is too long")
	ErrManyEarly   = errors.New("the process sent too many interim answers")
	ErrUpgrade     = errors.New("the process switched protocols unasked, or to another one")
	ErrGone        = errors.New("nobody waits for the answer any more")
)

var errFault = errors.New("the request cannot be sent, by a fault in purser")

// maxInterim is how many 1xx answers may precede the final one.
const maxInterim = 16

// unanswered says what a failure before the first byte of an answer means. If nothing was sent, the
// process has seen nothing of the request, whatever the kernel calls it: EPIPE on a unix socket, ECONNRESET
// on TCP.
func unanswered(sent int, err error) error {
	if sent == 0 {
		return ErrUnsent
	}
	return noAnswer(err)
}

// noAnswer tells a process that was killed before it had read all of the request: the kernel resets a
// connection that is closed with something unread in it, and ends it in order otherwise. It does not
// tell how much was read.
func noAnswer(err error) error {
	if errors.Is(err, unix.ECONNRESET) {
		return ErrUnread
	}
	return ErrNoAnswer
}
