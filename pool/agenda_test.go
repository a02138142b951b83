package pool

import "time"

// agenda is what is to happen, a heap by time; what is due at once happens in the order in which
// it was added.
type agenda struct {
	items []item
	added int
}

type item struct {
	at    int64 // in ns since 1970
	order int
	do    func()
}

func (a *item) before(b *item) bool {
	if a.at == b.at {
		return a.order < b.order
	}
	return a.at < b.at
}

// first is when the first of it happens; zero = there is none.
func (a *agenda) first() time.Time {
	if len(a.items) == 0 {
		return time.Time{}
	}
	return time.Unix(0, a.items[0].at).UTC()
}

func (a *agenda) add(at time.Time, do func()) {
	a.added++
	a.items = append(a.items, item{at.UnixNano(), a.added, do})
	for i := len(a.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a.items[i].before(&a.items[parent]) {
			return
		}
		a.items[i], a.items[parent] = a.items[parent], a.items[i]
		i = parent
	}
}

func (a *agenda) pop() func() {
	do := a.items[0].do
	last := len(a.items) - 1
	a.items[0] = a.items[last]
	a.items[last] = item{}
	a.items = a.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return do
		}
		if child+1 < last && a.items[child+1].before(&a.items[child]) {
			child++
		}
		if !a.items[child].before(&a.items[i]) {
			return do
		}
		a.items[i], a.items[child] = a.items[child], a.items[i]
		i = child
	}
}
