package pool

import (
	"context"
	"sync"
)

// A gate limits how many spawns are under way at once over all groups, so that many apps which restart
// together do not starve each other, and what serves, of the processor. Each group may always have
// one, so that an app that hangs in its boot does not keep others from starting.
type gate struct {
	limit int

	mu      sync.Mutex // guards what follows
	under   map[*Group]int
	total   int
	waiting []*pass // in the order in which they came
}

// A pass is a spawn that waits.
type pass struct {
	group *Group
	open  chan struct{}
}

func newGate(limit int) *gate { return &gate{limit: limit, under: map[*Group]int{}} }

// enter waits until a spawn of g may begin; leave has to follow. Its error is the cause of ctx's end.
func (t *gate) enter(ctx context.Context, g *Group) error {
	t.mu.Lock()
	if t.lets(g) {
		t.take(g)
		t.mu.Unlock()
		return nil
	}
	p := &pass{group: g, open: make(chan struct{})}
	t.waiting = append(t.waiting, p)
	t.mu.Unlock()
	select {
	case <-p.open:
		return nil
	case <-ctx.Done():
		t.giveUp(p)
		return context.Cause(ctx)
	}
}

func (t *gate) leave(g *Group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total--
	if t.under[g]--; t.under[g] == 0 {
		delete(t.under, g)
	}
	t.admit()
}

// giveUp ends a wait. It may have been let in a moment ago.
func (t *gate) giveUp(p *pass) {
	t.mu.Lock()
	for i, other := range t.waiting {
		if other == p {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			t.mu.Unlock()
			return
		}
	}
	t.mu.Unlock()
	t.leave(p.group)
}

func (t *gate) lets(g *Group) bool { return t.total < t.limit || t.under[g] == 0 }

func (t *gate) take(g *Group) {
	t.total++
	t.under[g]++
}

// admit lets in who may, the group with the fewest spawns under way first.
func (t *gate) admit() {
	for {
		best := -1
		for i, p := range t.waiting {
			if t.lets(p.group) && (best < 0 || t.under[p.group] < t.under[t.waiting[best].group]) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		p := t.waiting[best]
		t.waiting = append(t.waiting[:best], t.waiting[best+1:]...)
		t.take(p.group)
		close(p.open)
	}
}
