package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"purser/pool"
	"purser/spawn/keeper"
)

// This file is the rest of the life of a front in whose place another serves. It decides nothing any more, finishes what
// it has with processes that the other lends it, and exits.

const (
	restTime  = 7 * time.Second // that a reload, a restart that is being prepared or a hook may put the yield off: the keeper waits for 10 s
	leaveTime = 2 * time.Second // that processes which are being started may take to be left
	adminTime = 2 * time.Minute // that calls of the admin API may take which are under way
)

// An old is what an old front does.
type old struct {
	yielded chan struct{}   // closed when it is one
	retired chan struct{}   // closed when no connection is left
	work    sync.WaitGroup  // what finishes
	loans   sync.WaitGroup  // the goroutine that borrows
	over    context.Context // ends the loans
	end     context.CancelFunc
}

func newOld() *old {
	o := &old{yielded: make(chan struct{}), retired: make(chan struct{})}
	o.over, o.end = context.WithCancel(context.Background())
	return o
}

// mayChange says why nothing is changed any more. It is called with the turn.
func (p *purser) mayChange() error {
	switch {
	case p.yielding.Load():
		return pool.ErrYielded
	case p.over:
		return errStopping
	}
	return nil
}

// errStopping is a pool.ErrClosed of all apps.
var errStopping error = stopError{}

type stopError struct{}

func (stopError) Error() string        { return "purser is being stopped" }
func (stopError) Is(target error) bool { return target == pool.ErrClosed }

// attend yields when the keeper wants that, until over ends.
func (p *purser) attend(over context.Context) error {
	for {
		select {
		case y := <-p.Keeper.Yields():
			err := p.yield(y)
			if err == nil {
				return nil
			}
			y.GoOn(err.Error())
		case <-over.Done():
			return nil
		}
	}
}

// yield has this front own nothing any more. With an error nothing has changed.
func (p *purser) yield(y *keeper.Yielding) error {
	limit, end := whileWanted(p.stopping, y.Withdrawn())
	defer end()
	if !p.turn.lockUnless(limit.Done()) {
		return errors.New("the configuration is being changed, which has not ended in time; try again")
	}
	defer p.turn.Unlock()
	goOn, err := p.shared.deployer.Rest(limit)
	if err != nil {
		return err
	}
	if p.over || p.stopping.Err() != nil {
		goOn()
		return errStopping
	}
	if !y.Begin() {
		goOn()
		return errors.New("it was withdrawn")
	}
	begin := time.Now()
	p.leave()
	y.Done()
	p.Log.Info("another process of purser serves from now on, this one finishes what it has", "left-in", time.Since(begin))
	close(p.ending.yielded)
	return nil
}

// whileWanted ends after restTime, or as soon as the yield is withdrawn: reloads wait as long as it does. end ends it before.
func whileWanted(ctx context.Context, withdrawn <-chan struct{}) (limit context.Context, end func()) {
	limit, cancel := context.WithTimeout(ctx, restTime)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-withdrawn:
			cancel()
		case <-limit.Done():
		}
	})
	return limit, func() {
		cancel()
		watch.Wait()
	}
}

// leave leaves everything to the next owner. It is called with the turn.
func (p *purser) leave() {
	p.over = true
	p.yielding.Store(true)
	p.sockets.held.disown()
	p.disown() // nothing is watched any more
	p.lenders.endAll()
	for _, a := range p.apps {
		a.Yield()
	}
	limit, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	p.complain("not all that is left to the next process has ended here", p.shared.pool.Yield(limit))
	for _, a := range p.apps {
		a.LeaveSources()
	}
	p.shared.deployer.Yield()
	p.past.history.Leave()
	p.Log.Follow()
	p.admin.Yield()
	p.ending.work.Go(p.retire)
	p.ending.loans.Go(func() { p.borrow(p.ending.over) })
	for _, d := range p.doors {
		d.accepting.Wait()
	}
}

// retire accepts nobody any more, and ends when no connection is left.
func (p *purser) retire() {
	defer close(p.ending.retired)
	p.ending.work.Go(func() {
		last, cancel := context.WithTimeout(context.Background(), adminTime)
		defer cancel()
		p.complain("cannot finish all admin calls", p.admin.Finish(last))
	})
	_ = p.front.Retire(context.Background())
}

// finish returns when an old front has finished what it has, in a stop of purser at the end of drain_timeout.
func (p *purser) finish() {
	select {
	case <-p.ending.retired:
	case <-p.stopping.Done():
	}
	draining, cancel := context.WithTimeout(p.patience, p.drainTimeout())
	defer cancel()
	p.complain("cannot finish all requests", p.front.Shutdown(draining))
	p.ending.work.Wait()
	p.changing.Lock() // the upgrade has ended, so the owner knows that this one has nothing: it does not serve before that
	p.ending.end()
	p.changing.Unlock()
	p.ending.loans.Wait()
	p.Log.Info("all is finished that was begun before the upgrade")
}
