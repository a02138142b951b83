package pool

import (
	"context"
	"slices"
	"sync"
	"time"
)

// longTurn is how long a boot may keep its turn. One that takes longer goes on without: it may hang, and
// must not hold up the others.
const longTurn = 10 * time.Second

// boots sees to it that only so many processes of all groups boot at once: more only share the processor,
// and all of them miss their start_timeout.
type boots[G bootable] struct {
	limit int

	mu       sync.Mutex // guards what follows
	underWay map[G]int
	turns    int // that are taken
	waiting  []*turn[G]
}

// A bootable is a group as its boots see it.
type bootable interface {
	comparable
	serving() bool // something of it is ready
}

// A turn is that of one process to boot.
type turn[G bootable] struct {
	boots *boots[G]
	group G
	taken chan struct{} // closed once it is its turn
	long  *time.Timer
	over  bool // others may have it
}

func newBoots[G bootable](limit int) *boots[G] { return &boots[G]{limit: limit, underWay: map[G]int{}} }

// setLimit has more boot at once from now on, or fewer once those under way have ended.
func (b *boots[G]) setLimit(limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.admit()
}

// await waits for the turn of a process of g. It is to be ended once the process has booted, or has failed
// to. The error is the cause of ctx's end.
func (b *boots[G]) await(ctx context.Context, g G) (*turn[G], error) {
	t := &turn[G]{boots: b, group: g, taken: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, t)
	b.admit()
	b.mu.Unlock()
	select {
	case <-t.taken:
		return t, nil
	case <-ctx.Done():
		t.end() // it may have come a moment ago
		return nil, context.Cause(ctx)
	}
}

// admit lets in who may come in next.
func (b *boots[G]) admit() {
	for b.turns < b.limit && len(b.waiting) > 0 {
		t := slices.MinFunc(b.waiting, b.compare)
		b.forget(t)
		b.turns++
		b.underWay[t.group]++
		t.long = time.AfterFunc(longTurn, t.giveUp)
		close(t.taken)
	}
}

// compare puts the first boots of groups of which nothing is ready before others, then those with the fewest boots
// under way: what boots is all that a group needs to be served, and further ones of it may hang as the first does.
// Among equals it leaves the order in which they came.
func (b *boots[G]) compare(s, t *turn[G]) int {
	if urgent := b.urgent(s); urgent != b.urgent(t) {
		if urgent {
			return -1
		}
		return 1
	}
	return b.underWay[s.group] - b.underWay[t.group]
}

func (b *boots[G]) urgent(t *turn[G]) bool { return b.underWay[t.group] == 0 && !t.group.serving() }

func (b *boots[G]) forget(t *turn[G]) {
	b.waiting = slices.DeleteFunc(b.waiting, func(other *turn[G]) bool { return other == t })
}

// giveUp lets another have the turn.
func (t *turn[G]) giveUp() {
	t.boots.mu.Lock()
	defer t.boots.mu.Unlock()
	t.pass()
}

func (t *turn[G]) pass() {
	if !t.over {
		t.over = true
		t.boots.turns--
		t.boots.admit()
	}
}

// end ends the boot, or the wait for it.
func (t *turn[G]) end() {
	b := t.boots
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.long == nil {
		b.forget(t)
		return
	}
	t.long.Stop()
	if b.underWay[t.group]--; b.underWay[t.group] == 0 {
		delete(b.underWay, t.group)
	}
	t.pass()
}
