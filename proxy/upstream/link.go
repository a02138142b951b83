package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// open takes an idle link or opens one. A process may close an idle link just as a request is sent on
// it, and nothing tells how much of it was read: what cannot be sent twice goes on a new one.
func (a *Ask) open() (err error) {
	if !a.req.Fresh && a.req.Idempotent() && a.req.Source == nil {
		if a.link = a.way.take(); a.link != nil {
			return nil
		}
	}
	a.fresh = true
	if err = a.dial(); err == nil {
		return a.leaveRoom()
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNRESET):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return ErrBacklog
	}
	return fmt.Errorf("%w: %w", ErrNoLink, err)
}

func (a *Ask) dial() (err error) {
	t := a.req.Terms
	if !t.Timed {
		a.link, err = a.way.dial(t.Context, t.Sweeper)
		return err
	}
	began := t.Sweeper.Clock.Exact()
	a.link, err = a.way.dial(t.Context, t.Sweeper)
	a.connecting = t.Sweeper.Clock.Exact() - began
	return err
}

// Connecting returns how long it took to connect to the process, in nanoseconds, if Terms have it measured.
func (a *Ask) Connecting() int64 { return a.connecting }

// leaveRoom gives a link up again whose descriptor is one of those that are kept for others.
func (a *Ask) leaveRoom() error {
	if kept := a.req.Terms.Kept; kept == nil || !kept(a.link.FD()) {
		return nil
	}
	a.link.Close()
	a.link = nil
	return fmt.Errorf("%w: %w", ErrNoLink, unix.EMFILE)
}
