package spawn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"

	"purser/conf"
)

// The pause between two connection attempts is half a percent of the time waited so far, within
// these limits. A socket in the child's folder is tried as soon as it appears, so that this is what
// a port may cost a boot, and CPU time: a few milliseconds of each in the first two seconds.
const (
	leastPause = 2 * time.Millisecond
	mostPause  = 40 * time.Millisecond
	lastLook   = 5 * time.Second // at most, that a child has which answers only at the last look
)

// A silence is what was missing from a child that may hang, as opposed to one that answers.
type silence string

func (s silence) Error() string { return string(s) }

// awaitReady returns nil once the child is proven ready, and else why it is not: it exited, someone
// else answers its port, or ctx or the start timeout ended.
func (s *Spawner) awaitReady(outer context.Context, c *Child) error {
	ctx, cancel := withLimit(outer, s.app.StartTimeout, s.app.StartTimeout)
	defer cancel()
	bound, unwatch := c.endpoint.watch()
	err := c.awaitConnection(ctx, bound)
	s.running.Go(unwatch) // it takes a while
	if err != nil && (ctx.Err() == nil || outer.Err() != nil) {
		return err
	}
	if err != nil { // too late, or purser itself was stopped meanwhile: a last look tells
		ctx, cancel = withLimit(outer, s.app.StartTimeout, lastLook)
		defer cancel()
		if found, _ := c.look(ctx); !found {
			return c.tellElsewhere(err)
		}
	}
	if err := c.passGate(ctx, s.app); err != nil {
		return err
	}
	return c.stillRuns()
}

// withLimit ends ctx when a start took too long; 0 is no limit.
func withLimit(ctx context.Context, limit, after time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, after, fmt.Errorf("not ready within start_timeout (%s)", conf.Duration(limit)))
}

// tellElsewhere adds where the child listens to why it failed, if that is elsewhere.
func (c *Child) tellElsewhere(failure error) error {
	ports := elsewhere(c.PID())
	if ports == "" {
		return failure
	}
	return fmt.Errorf("%w; it listens on port %s instead: let it listen on %s", failure, ports, c.endpoint.wish())
}

// stillRuns tells a ready child from a daemon that it left behind: who forks and exits cannot be
// signalled or waited for.
func (c *Child) stillRuns() error {
	select {
	case <-c.Exited():
	default:
		if c.Runs() {
			return nil
		}
	}
	return c.earlyExit()
}

// awaitConnection connects again and again: no kernel event tells that a socket begins to listen.
// But one tells that it was bound, and then the next attempts follow quickly.
func (c *Child) awaitConnection(ctx context.Context, bound <-chan fsnotify.Event) error {
	missing := silence("nothing listened on " + c.endpoint.String())
	for since := time.Now(); ; {
		if found, err := c.look(ctx); found || err != nil {
			return err
		}
		pause := min(max(time.Since(since)/200, leastPause), mostPause)
		woken, err := c.pauseOr(ctx, bound, pause, missing)
		if err != nil {
			return err
		}
		if woken {
			since = time.Now()
		}
	}
}

// look connects once, and reports whether the child answers.
func (c *Child) look(ctx context.Context) (found bool, err error) {
	network, address, err := c.endpoint.probe(ctx, &c.process)
	if err != nil || network == "" {
		return false, err
	}
	c.network, c.address = network, address
	c.follow(c.endpoint.listener)
	return true, nil
}

// pause waits for d, and returns an error if the child exits or ctx ends meanwhile. For the latter
// case, missing says what was waited for.
func (c *Child) pause(ctx context.Context, d time.Duration, missing error) error {
	_, err := c.pauseOr(ctx, nil, d, missing)
	return err
}

// pauseOr is a pause that wake may cut short.
func (c *Child) pauseOr(ctx context.Context, wake <-chan fsnotify.Event, d time.Duration, missing error) (woken bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-wake:
		return true, nil
	case <-c.Exited():
		return false, c.earlyExit()
	case <-ctx.Done():
		return false, tooLate(ctx, missing)
	}
}

// tooLate is why a start fails when ctx has ended.
func tooLate(ctx context.Context, missing error) error {
	return fmt.Errorf("%w: %w", context.Cause(ctx), missing)
}

// earlyExit waits for the exit status, and for the last lines, that the error will show.
func (c *Child) earlyExit() error {
	<-c.gone
	if c.exit == nil {
		return errors.New("exited with status 0 before it was ready (it must stay in the foreground)")
	}
	return fmt.Errorf("%w before it was ready", c.exit)
}
