package spawn

import (
	"context"
	"time"
)

// A source is a child that others are forked from.
type source struct {
	Order
	ctx    context.Context // ends when it is to end
	cancel context.CancelFunc

	started chan struct{} // closed when it has loaded the app, or failed to
	failure error         // valid then

	child  *Child // what follows is guarded by the Spawner's mu
	loaded time.Time
	kept   bool // it has served, and does not end for want of use
	users  int  // starts that wait for it, or fork from it
	idle   *time.Timer
}

// A preloaded is when code was loaded that processes are forked with.
type preloaded struct{ Began, Loaded time.Time }

// preloads is what is forked from a source that has loaded the app, or that was forked itself.
func (from *source) preloads() preloaded {
	if from.child.preloaded != (preloaded{}) {
		return from.child.preloaded
	}
	return preloaded{from.child.began, from.child.ready}
}

// makes reports whether a source makes what is ordered: a fork source makes only its own generation (I2). A restart that
// was joined goes on with another of the same number, whose code may differ in the same folder.
func (from *source) makes(o Order) bool {
	return from.Generation == o.Generation && from.Path == o.Path && from.Over == o.Over
}

// await waits until it has loaded the app.
func (from *source) await(ctx context.Context) error {
	select {
	case <-from.started:
		return from.failure
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (from *source) stopTimer() {
	if from.idle != nil {
		from.idle.Stop()
	}
}

// awaitEnd waits until a source has ended, or is to.
func (from *source) awaitEnd(child *Child) {
	select {
	case <-child.Exited():
	case <-from.ctx.Done():
	}
}
