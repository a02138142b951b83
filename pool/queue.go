package pool

import "time"

// A waiter is one request that waits for a process. It is answered exactly once: with a process or
// an error, and then done is closed.
type waiter struct {
	done     chan struct{}
	proc     *Process
	err      error
	deadline time.Time // zero = it waits for as long as its client does
	wish     Wish
	debt     *debt  // of the front whose request it is; nil = of this one
	ticket   uint64 // by which two fronts know it
	early    bool   // it has waited before, so it has its place

	queued         bool
	previous, next *waiter
}

// queue is the requests that wait for a process, first come first served. Any of them can leave at
// once: it is a linked list. All wait equally long, so that the first is also the first to time out. One that has
// waited in another front comes before those that came later.
type queue struct {
	first, last *waiter
	length      int
}

func (q *queue) push(w *waiter) {
	after := q.last
	for after != nil && w.before(after) {
		after = after.previous
	}
	w.queued, w.previous = true, after
	if after == nil {
		w.next, q.first = q.first, w
	} else {
		w.next, after.next = after.next, w
	}
	if w.next == nil {
		q.last = w
	} else {
		w.next.previous = w
	}
	q.length++
}

// before reports whether w times out first.
func (w *waiter) before(other *waiter) bool {
	return !w.deadline.IsZero() && (other.deadline.IsZero() || w.deadline.Before(other.deadline))
}

// hurry has nobody wait beyond that.
func (q *queue) hurry(deadline time.Time) {
	for w := q.first; w != nil; w = w.next {
		if w.deadline.IsZero() || w.deadline.After(deadline) {
			w.deadline = deadline
		}
	}
}

// remove takes w out, wherever it stands.
func (q *queue) remove(w *waiter) {
	if w.previous == nil {
		q.first = w.next
	} else {
		w.previous.next = w.next
	}
	if w.next == nil {
		q.last = w.previous
	} else {
		w.next.previous = w.previous
	}
	w.queued, w.previous, w.next = false, nil, nil
	q.length--
}
