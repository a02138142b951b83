package proxy

import "purser/pool"

// A loan is a process while a request has it.
type loan struct {
	group *pool.Group
	proc  *pool.Process // nil if there is none
	held  bool          // it counts this as a long-lived connection
}

// hold makes the request a long-lived connection: it may last for ever, so a drain has another limit for
// it.
func (l *loan) hold() {
	l.group.Hold(l.proc)
	l.held = true
}

// end gives the process back, and says how it went.
func (l *loan) end(o pool.Outcome) {
	switch {
	case l.proc == nil:
		return
	case l.held:
		l.group.Drop(l.proc)
	default:
		l.group.Release(l.proc, o)
	}
	*l = loan{}
}
