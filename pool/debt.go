package pool

import (
	"slices"
	"time"
)

// A debt is what one front has of a group.
type debt struct {
	state   *groupState
	of      *Borrower
	loans   map[int]*loan      // of every process that the front knows, by its number
	waiting map[uint64]*waiter // by their tickets
}

// A loan is what a front has of one process.
type loan struct {
	p                             *Process
	requests, connections, places int
	begun                         int // of the requests, those whose answers have begun
	stuck                         []time.Time
}

// debts are what all fronts have of a group.
type debts []*debt

// of is that of one front, or nil.
func (all debts) of(b *Borrower) *debt {
	if i := slices.IndexFunc(all, func(d *debt) bool { return d.of == b }); i >= 0 {
		return all[i]
	}
	return nil
}

// end takes everything back, and tells nobody.
func (d *debt) end() {
	for _, l := range d.loans {
		l.end()
		d.state.lendable.moved(l.p)
	}
	for _, w := range d.waiting {
		d.state.queue.remove(w)
	}
}

func (d *debt) say(m ToBorrower) {
	m.App = d.state.app.Name
	d.of.say(m)
}

// declare counts as lent what another owner has lent, or this front itself before it yielded.
func (d *debt) declare(m ToOwner) {
	p := d.state.numbered(m.Process)
	if p == nil || p.child == nil {
		d.say(ToBorrower{Verb: verbGone, Process: m.Process})
		return
	}
	if d.loans[p.number] != nil || min(m.Requests, m.Connections, m.Places) < 0 {
		return
	}
	l := &loan{p: p, requests: m.Requests, connections: m.Connections, places: m.Places}
	d.loans[p.number] = l
	p.requests += l.requests
	p.connections += l.connections
	p.places += l.places
	p.lent += uint64(l.requests + l.connections)
	for _, since := range m.Stuck {
		l.stuck = append(l.stuck, time.Unix(0, since))
		p.stuck = append(p.stuck, time.Unix(0, since))
	}
	slices.SortFunc(p.stuck, time.Time.Compare)
	l.setBegun(m.Begun)
	d.state.lendable.moved(p)
	if p.state == Stopping {
		d.say(ToBorrower{Verb: verbLeaves, Process: p.number})
	}
}

// acquire has a request of the front wait, if it must.
func (d *debt) acquire(now time.Time, m ToOwner) {
	if d.waiting[m.Ticket] != nil {
		return
	}
	w := &waiter{debt: d, ticket: m.Ticket, early: m.Queued, wish: Wish{Pin: m.Pin, Avoid: d.state.numbered(m.Avoid)}}
	if m.Wait > 0 {
		w.deadline = now.Add(time.Duration(m.Wait))
	}
	d.waiting[m.Ticket] = w
	if !d.state.held {
		if w.proc = d.state.lend(w.wish); w.proc != nil {
			d.answered(w)
			return
		}
	}
	if err := d.state.acquire(now, w); err != nil {
		w.err = err
		d.answered(w)
	}
}

// answered tells the front that a request of its waits no more.
func (d *debt) answered(w *waiter) {
	delete(d.waiting, w.ticket)
	if w.err != nil {
		d.say(ToBorrower{Verb: verbRefuse, Ticket: w.ticket, Refusal: refusalOf(w.err)})
		return
	}
	d.introduce(w.proc).requests++
	d.say(ToBorrower{Verb: verbLend, Ticket: w.ticket, Process: w.proc.number})
}

// introduce has the front know a process.
func (d *debt) introduce(p *Process) *loan {
	if l := d.loans[p.number]; l != nil {
		return l
	}
	d.say(ToBorrower{Verb: verbIntroduce, Process: p.number, Generation: p.generation.number, Child: p.child})
	l := &loan{p: p}
	d.loans[p.number] = l
	return l
}

// leaves tells the front that a process is asked to exit.
func (d *debt) leaves(p *Process) {
	if d.loans[p.number] != nil {
		d.say(ToBorrower{Verb: verbLeaves, Process: p.number})
	}
}

// gone tells it that a process is gone, and with it what was lent of it.
func (d *debt) gone(p *Process) {
	if l := d.loans[p.number]; l != nil {
		l.end()
		delete(d.loans, p.number)
		d.say(ToBorrower{Verb: verbGone, Process: p.number})
	}
}

func (d *debt) abandon(now time.Time, ticket uint64) {
	if w := d.waiting[ticket]; w != nil { // else it is answered, and what it got comes back
		delete(d.waiting, ticket)
		d.state.abandon(now, w)
	}
}

// report is what becomes of a process that was lent. What was not lent cannot come back.
func (d *debt) report(now time.Time, l *loan, m ToOwner) {
	p, g, more := l.p, d.state, false
	switch m.Verb {
	case verbRelease:
		if l.requests > 0 {
			l.requests--
			more = g.giveBack(p, m.Outcome)
		}
	case verbReturn:
		if l.requests > 0 {
			l.requests--
			p.lent--
			more = g.giveBack(p, Unanswered)
		}
	case verbHold, verbStream:
		more = l.hold(g, m.Verb == verbStream)
	case verbDrop, verbEndStream:
		more = l.drop(g, m.Verb == verbEndStream)
	case verbRecycle:
		g.replace(now, p, m.Why, m.Refuses)
	case verbDoubt:
		g.doubt(now, p)
	case verbStuck:
		since := time.Unix(0, m.Since)
		l.stuck = append(l.stuck, since)
		g.stuck(now, p, since)
	case verbUnstuck:
		l.unstuck(g, now, time.Unix(0, m.Since))
	}
	l.setBegun(m.Begun)
	if more {
		g.released(now, p)
	}
}

// hold makes one of the requests a long-lived connection, which may fill a place.
func (l *loan) hold(g *groupState, place bool) (more bool) {
	if l.requests == 0 {
		return false
	}
	l.requests--
	l.connections++
	if !place {
		return g.hold(l.p)
	}
	l.places++
	return g.stream(l.p)
}

// drop ends such a connection.
func (l *loan) drop(g *groupState, place bool) (more bool) {
	if l.connections == 0 || place && l.places == 0 {
		return false
	}
	l.connections--
	if !place {
		return g.drop(l.p)
	}
	l.places--
	return g.endStream(l.p)
}

func (l *loan) unstuck(g *groupState, now time.Time, since time.Time) {
	if i := slices.Index(l.stuck, since); i >= 0 {
		l.stuck = slices.Delete(l.stuck, i, i+1)
		g.unstuck(now, l.p, since)
	}
}

// end takes back what was lent, without an answer.
func (l *loan) end() {
	l.p.requests -= l.requests
	l.p.connections -= l.connections
	l.p.places -= l.places
	l.p.fruitless += uint64(l.requests)
	l.p.begun.Add(-int32(l.begun))
	for _, since := range l.stuck {
		l.p.forgetStuck(since)
	}
}

// setBegun notes how many of the requests have begun to be answered. The front may say more, as it says it first.
func (l *loan) setBegun(n int) {
	n = min(max(0, n), l.requests)
	l.p.begun.Add(int32(n - l.begun))
	l.begun = n
}

func (d *debt) count(s *BorrowerSnapshot) {
	for _, l := range d.loans {
		s.Requests += l.requests
		s.Connections += l.connections
	}
	s.Waiting += len(d.waiting)
}
