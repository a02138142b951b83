package proxy

import (
	"context"
	"io"
	"time"

	"purser/proxy/client"
	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A throttled content is sent at a rate that the app has set with X-Accel-Limit-Rate.
type throttled struct {
	content // what is closed at its end
	call    client.Call
	clock   *sock.Clock
	from    io.Reader
	left    int64
	rate    int64 // bytes in a second
	due     int64 // when the next piece may go
	piece   []byte
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
	t := &throttled{call: x.call, clock: x.clock, rate: x.story.rate, due: x.clock.Exact()}
	t.piece = make([]byte, min(max(t.rate/piecesPerSecond, 1), largestPiece))
	if f, ok := r.content.(*fileContent); ok {
		t.content, t.from, t.left = f, io.NewSectionReader(f.file, f.part.From, f.part.N), f.part.N
	} else {
		r.head.Keep()
		whole, err := x.takeWhole(r.content, 0)
		if err != nil {
			return err
		}
		t.content, t.from, t.left = whole, whole.from, whole.body.Size()
		r.length = t.left
	}
	r.content = t
	return nil
}

// Next returns a piece when it is due.
func (t *throttled) Next() ([]byte, error) {
	switch {
	case t.err != nil:
		return nil, t.err
	case t.left == 0:
		return nil, io.EOF
	case t.clock.Exact() < t.due:
		return nil, nil
	}
	n, err := io.ReadFull(t.from, t.piece[:min(t.left, int64(len(t.piece)))])
	if err != nil {
		return nil, err // a file that is shorter than it was a moment ago
	}
	t.left -= int64(n)
	t.due += int64(n) * int64(time.Second) / t.rate
	return t.piece[:n], nil
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

func (t *throttled) Trailers() []wire.Field { return nil }
