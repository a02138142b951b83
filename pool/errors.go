package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What Acquire answers when it lends no process. Beside these it returns a *StartError, or the cause
// of its context's end.
var (
	ErrClosed       = errors.New("the app is being stopped")
	ErrStopped      = errors.New("an operator has stopped the app")
	ErrQueueFull    = errors.New("too many requests wait for the app already")
	ErrQueueTimeout = errors.New("no process of the app was free in time")
	ErrPaused       = errors.New("an operator has paused the app, and has not resumed it in time")
)

// Why a rollback or a promotion is refused.
var (
	ErrNothingOlder = errors.New("there is no older release that has worked")
	ErrOverwritten  = errors.New("its old code is no longer on disk, as the new was deployed in the same folder; deploy the old code and restart")
	ErrNoCanary     = errors.New("no canary waits to be promoted")
)

// A StartError answers requests while no process of the app serves and none can be started.
type StartError struct {
	App     string
	Failure Failure
}

// Error returns one sentence, which leads to the log by its error id.
func (e *StartError) Error() string {
	return fmt.Sprintf("cannot start app %q: %s (error %s)", e.App, e.Failure.Reason, e.Failure.ErrorID)
}

// failure is one that has no output to show.
func (s *roster) failure(now time.Time, generation int, reason string) *Failure {
	return &Failure{At: now, Generation: generation, Reason: reason, ErrorID: s.errorID()}
}

// newFailure records why a start of p failed. The row of failures that it continues gives it its time, and its
// id as long as the reason is the same: who has seen the one finds the other in the log.
func (s *roster) newFailure(now time.Time, p *Process, err error) *Failure {
	f := &Failure{
		At:         now,
		Generation: p.generation.number,
		Reason:     s.reason(err),
		Output:     lastLines(p, err),
		ErrorID:    s.errorID(),
	}
	if previous := p.generation.failure; previous != nil {
		f.At = previous.At
		if f.Reason == previous.Reason {
			f.ErrorID = previous.ErrorID
		}
	}
	return f
}

// counted is "1 process", "2 processes".
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// errorID is what a visitor is shown in place of a reason.
func (s *roster) errorID() string { return fmt.Sprintf("%08x", s.rand.Uint32()) }

// reason is what err says beyond what everybody who shows it says anyway.
func (s *roster) reason(err error) string {
	switch {
	case err == nil:
		return "exited with status 0"
	case errors.Is(err, context.Canceled):
		return "its start was given up"
	}
	return strings.TrimPrefix(err.Error(), fmt.Sprintf("cannot start app %q: ", s.app.Name))
}

// isReforked reports whether a child has become what others are forked from.
func isReforked(err error) bool {
	var told interface {
		error
		Reforked() bool
	}
	return errors.As(err, &told) && told.Reforked()
}

// isOutOfMemory reports whether the kernel has killed a child, as memory ran out.
func isOutOfMemory(err error) bool {
	var told interface {
		error
		OutOfMemory() bool
	}
	return errors.As(err, &told) && told.OutOfMemory()
}

// lastLines returns what p's child printed last, as far as the error or the child can tell.
func lastLines(p *Process, err error) []string {
	type teller interface{ LastLines() []string }
	var told interface {
		error
		teller
	}
	if errors.As(err, &told) {
		return told.LastLines()
	}
	if child, ok := p.child.(teller); ok {
		return child.LastLines()
	}
	return nil
}
