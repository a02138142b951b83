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

	queued         bool
	previous, next *waiter
}

// queue is the requests that wait for a process, first come first served. Any of them can leave at
// once: it is a linked list. All wait equally long, so that the first is also the first to time out.
type queue struct {
	first, last *waiter
	length      int
}

func (q *queue) push(w *waiter) {
	w.queued, w.previous = true, q.last
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.length++
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
