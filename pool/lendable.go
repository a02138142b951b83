package pool

import "purser/conf"

// lendable is the ready processes of a group as a binary heap: the first is the one to lend next.
// Each process knows its place in it, so that a change of its load costs a few comparisons, however
// many processes there are.
type lendable struct {
	concurrency int  // requests at once per process, or conf.Unlimited
	even        bool // generations take turns: a canary is to get its share, and no more
	turn        uint64
	heap        []*Process
}

// first returns the process to lend next, or nil if none has room.
func (l *lendable) first() *Process {
	if len(l.heap) == 0 || !l.room(l.heap[0]) {
		return nil
	}
	return l.heap[0]
}

// firstFor returns the process to lend next to a request with a wish, or nil if none has room that may
// serve it.
func (l *lendable) firstFor(w Wish) (best *Process) {
	for _, p := range l.heap {
		if p.generation.number >= w.Pin && l.room(p) && (best == nil || l.beforeFor(w, p, best)) {
			best = p
		}
	}
	return best
}

// beforeFor is before, but that the wish comes first.
func (l *lendable) beforeFor(w Wish, a, b *Process) bool {
	if w.rank(a) != w.rank(b) {
		return w.rank(a) < w.rank(b)
	}
	return l.before(a, b)
}

// room reports whether p may be lent. Where an app hands a long-lived connection over, as with a WebSocket, it
// takes no room: the thread that answered the handshake is free again. One that a thread stays busy with does.
func (l *lendable) room(p *Process) bool {
	return l.concurrency == conf.Unlimited || p.requests+p.places < l.concurrency
}

// before reports whether a is to be lent before b: one with room first. If a process takes only so
// many requests at once, then the newest generation, and of that the least busy. If it takes any
// number, then the least busy first: the one new process of a rolling restart, still cold, would
// drown in what four old ones did before. Among equals the oldest, so that those beyond need fall idle.
//
// While there is a canary the generation does not count, and among equals it is whose turn it is.
//
// One that is in doubt is probably dying, and comes last: with nothing in flight it would otherwise
// draw all requests to it until its exit is known.
func (l *lendable) before(a, b *Process) bool {
	if a.doubted.IsZero() != b.doubted.IsZero() && l.room(a) == l.room(b) {
		return a.doubted.IsZero()
	}
	if l.even {
		return l.beforeInTurn(a, b)
	}
	if l.concurrency == conf.Unlimited {
		if a.load() != b.load() {
			return a.load() < b.load()
		}
	} else if l.room(a) != l.room(b) {
		return l.room(a)
	}
	if a.generation.number != b.generation.number {
		return a.generation.number > b.generation.number
	}
	if a.load() != b.load() {
		return a.load() < b.load()
	}
	return a.number < b.number
}

func (l *lendable) beforeInTurn(a, b *Process) bool {
	switch {
	case l.room(a) != l.room(b):
		return l.room(a)
	case a.load() != b.load():
		return a.load() < b.load()
	case a.turn != b.turn:
		return a.turn < b.turn
	}
	return a.number < b.number
}

// took notes that p was lent.
func (l *lendable) took(p *Process) {
	l.turn++
	p.turn = l.turn
	l.moved(p)
}

// setEven says whether generations are to take turns.
func (l *lendable) setEven(even bool) {
	if l.even == even {
		return
	}
	l.even = even
	l.sort()
}

func (l *lendable) sort() {
	for i := len(l.heap)/2 - 1; i >= 0; i-- {
		l.down(i)
	}
}

// setConcurrency says how many requests a process takes at once.
func (l *lendable) setConcurrency(requests int) {
	l.concurrency = requests
	l.sort()
}

func (l *lendable) add(p *Process) {
	p.place = len(l.heap)
	l.heap = append(l.heap, p)
	l.up(p.place)
}

func (l *lendable) remove(p *Process) {
	last := len(l.heap) - 1
	place := p.place
	l.swap(place, last)
	l.heap[last] = nil
	l.heap = l.heap[:last]
	p.place = -1
	if place < last {
		l.moved(l.heap[place])
	}
}

// moved restores the order after p's load has changed. A process that is not in the heap has none.
func (l *lendable) moved(p *Process) {
	if p.place >= 0 && !l.up(p.place) {
		l.down(p.place)
	}
}

func (l *lendable) up(i int) (moved bool) {
	for i > 0 {
		parent := (i - 1) / 2
		if !l.before(l.heap[i], l.heap[parent]) {
			break
		}
		l.swap(i, parent)
		i, moved = parent, true
	}
	return moved
}

func (l *lendable) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			return
		}
		if right := child + 1; right < len(l.heap) && l.before(l.heap[right], l.heap[child]) {
			child = right
		}
		if !l.before(l.heap[child], l.heap[i]) {
			return
		}
		l.swap(i, child)
		i = child
	}
}

func (l *lendable) swap(i, j int) {
	l.heap[i], l.heap[j] = l.heap[j], l.heap[i]
	l.heap[i].place, l.heap[j].place = i, j
}
