package serve

import (
	"context"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"purser/status"
)

// A signalQueue is what has been sent to purser and not been heeded yet.
type signalQueue chan os.Signal

// catchSignals begins at the start: a signal that comes meanwhile waits, and does not end purser
// halfway.
func catchSignals() signalQueue {
	q := make(signalQueue, 16)
	signal.Notify(q, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	return q
}

// release takes no more of them. Who asks for the end once more has it soon, and is not to kill what ends: that would be
// a crash, after which another goes on with the stop.
func (q signalQueue) release() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	signal.Stop(q)
}

// sameSignal is how long two that end purser count as one: kill $(pidof purser), timeout(1) and npm send
// the same one twice.
const sameSignal = 100 * time.Millisecond

// heed does what signals ask for, until over ends.
func (p *purser) heed(over context.Context, signals signalQueue) error {
	var told time.Time // when it was first told to stop
	for {
		select {
		case <-over.Done():
			return nil
		case got := <-signals:
			p.Log.Info("signal", "name", unix.SignalName(got.(unix.Signal)))
			switch {
			case got == unix.SIGTERM, got == unix.SIGINT, got == unix.SIGHUP && p.Attended:
				if told.IsZero() {
					told = time.Now()
					p.stopFor(unix.SignalName(got.(unix.Signal)))
				} else if time.Since(told) > sameSignal {
					p.hurry()
				}
			case p.yielding.Load() && got == unix.SIGHUP:
				p.Log.Reopen()
			case p.yielding.Load(): // it is for who serves now
			case got == unix.SIGHUP:
				p.Log.Reopen()
				p.group.Go(func() error {
					_, _ = p.Reload("SIGHUP", status.ReloadOptions{}) // its error is in the log, and in status
					return nil
				})
			case got == unix.SIGUSR1:
				p.shared.deployer.RestartAll("SIGUSR1")
				p.retrySoon()
			case got == unix.SIGUSR2:
				p.group.Go(func() error {
					_, _ = p.Upgrade(p.stopping, "SIGUSR2", status.UpgradeOptions{}) // its error is in the log, and in the history
					return nil
				})
			}
		}
	}
}
