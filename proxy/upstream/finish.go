package upstream

import (
	"context"
	"errors"
	"time"

	"purser/proxy/wire"
)

// Finish waits until the process has ended its answer, though nobody takes it any more, and reports false
// if it has not in time. An answer is read to its end. An event stream has none: its app learns from a
// write that fails that nobody listens, and has ended it when it closes the connection. So has an app whose request was
// cut in the midst of its body.
func (a *Ask) Finish(within time.Duration) bool {
	ctx := a.req.Terms.Context
	until := a.link.Clock().In(within)
	over := func() bool { return ctx.Err() != nil || a.link.Clock().Now() >= until }
	stop := context.AfterFunc(ctx, a.link.Wake)
	defer stop()
	a.link.Arm(until)
	defer a.link.Disarm()
	if !a.answered {
		return a.link.AwaitClose(over) || ctx.Err() != nil
	}
	if errors.Is(a.content.err, ErrGone) {
		a.content.err = nil
	}
	refused := a.content.events && !a.content.over && a.link.Refuse()
	ended := a.readOn(over)
	if ended && refused && (a.content.err != nil || a.content.end == wire.ByClose) { // that was the end of our side
		ended = a.link.AwaitClose(over)
	}
	return ended || ctx.Err() != nil
}

// readOn reads the rest of the answer into nothing, and reports false if that is over before its end.
func (a *Ask) readOn(over func() bool) bool {
	for !over() {
		data, err := a.Next()
		switch {
		case err != nil:
			return true
		case len(data) > 0:
		case a.receive() && a.link.Passed():
			return false
		}
	}
	return false
}
