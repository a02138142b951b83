package proxy

import (
	"context"
	"time"

	"purser/proxy/client"
	"purser/proxy/sock"
)

// A throttled content is sent at a rate that the app has set with X-Accel-Limit-Rate.
type throttled struct {
	content // all of which is there
	call    client.Call
	clock   *sock.Clock
	rate    int64 // bytes in a second
	most    int   // at once
	due     int64 // when the next piece may go
	rest    []byte
	err     error
}

// A piece is what is sent of it at once: much less than in a second, lest it comes in bursts.
const (
	piecesPerSecond = 8
	largestPiece    = 64 << 10
)

// throttle has a reply's content sent at the rate. The process is not held for that: its answer is taken in whole before,
// but for one that may last for ever, which has no rate.
func (x *exchange) throttle(r *reply) error {
	if r.content == nil || r.endless || x.req.IsHead() {
		return nil
	}
	switch r.content.(type) {
	case *fileContent, *storedContent: // all of it is there
	default:
		r.head.Keep()
		whole, err := x.takeWhole(r.content, 0)
		if err != nil {
			return err
		}
		r.content, r.length = whole, whole.body.Size()
	}
	most := min(max(x.details.rate/piecesPerSecond, 1), largestPiece)
	r.content = &throttled{content: r.content, call: x.call, clock: x.clock, rate: x.details.rate, most: int(most), due: x.clock.Exact()}
	return nil
}

// Next returns a piece when it is due.
func (t *throttled) Next() (piece []byte, err error) {
	if t.err != nil {
		return nil, t.err
	}
	for len(t.rest) == 0 { // nothing is no pause here, and the end comes at once: who has all may leave
		if t.rest, err = t.content.Next(); err != nil {
			return nil, err
		}
	}
	if t.clock.Exact() < t.due {
		return nil, nil
	}
	n := min(len(t.rest), t.most)
	piece, t.rest = t.rest[:n], t.rest[n:]
	t.due += int64(n) * int64(time.Second) / t.rate
	return piece, nil
}

// Wait waits until the next piece is due, or nobody waits for it.
func (t *throttled) Wait() {
	ctx, end := t.call.Present()
	defer end()
	timer := time.NewTimer(time.Duration(t.due - t.clock.Exact()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		t.err = context.Cause(ctx)
	case <-timer.C:
	}
}
