package proxy

import (
	"time"

	"purser/pool"
)

// A loan is a process while a request has it.
type loan struct {
	group *pool.Group
	proc  *pool.Process // nil if there is none
	held  bool          // it counts this as a long-lived connection
	place bool          // which goes on filling its place
	begun bool          // it counts this as a request whose answer has begun
	stuck time.Time     // it counts this as a request of which nothing comes, since then; zero = it does not
}

// hold makes the request a long-lived connection: it may last for ever, so a drain has another limit for
// it.
func (l *loan) hold() {
	l.group.Hold(l.proc)
	l.held = true
}

// stream is hold for a connection that one of the process's threads stays busy with.
func (l *loan) stream() {
	l.group.Stream(l.proc)
	l.held, l.place = true, true
}

// silent says that nothing has come of the request for so long.
func (l *loan) silent(span time.Duration) { l.stuck = l.group.Stuck(l.proc, span) }

// asked says that something has come of the request, or that nothing will.
func (l *loan) asked() {
	if !l.stuck.IsZero() {
		l.group.Unstuck(l.proc, l.stuck)
		l.stuck = time.Time{}
	}
}

// waits says that the rest of an answer has to be waited for. Who hangs has not begun to answer, so this need
// not be told of what comes whole.
func (l *loan) waits() {
	if !l.begun && !l.held && l.proc != nil {
		l.begun = true
		l.proc.Begins()
	}
}

// end gives the process back, and says how it went.
func (l *loan) end(o pool.Outcome) {
	if l.proc == nil {
		return
	}
	l.asked()
	switch {
	case l.place:
		l.group.EndStream(l.proc)
	case l.held:
		l.group.Drop(l.proc)
	default:
		l.group.Release(l.proc, o)
	}
	if l.begun {
		l.proc.Ends()
	}
	*l = loan{}
}
