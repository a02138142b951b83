package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
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

func (q signalQueue) release() { signal.Stop(q) }

// heed does what signals ask for, until over ends.
func (s *serving) heed(over context.Context, signals signalQueue) error {
	var stops stopSignals
	attended := isTerminal(os.Stdin) // then a hangup is that of the terminal
	for {
		select {
		case <-over.Done():
			return nil
		case got := <-signals:
			s.log.Info("signal", "name", unix.SignalName(got.(unix.Signal)))
			switch {
			case got == unix.SIGTERM, got == unix.SIGINT, got == unix.SIGHUP && attended:
				if stops.another(time.Now()) {
					s.hurry()
				}
				s.stop()
			case got == unix.SIGHUP:
				s.log.Warn("reloading the configuration is not supported yet, reopening the log files only")
				s.log.Reopen()
			case got == unix.SIGUSR1:
				s.restarts.onSignal()
			case got == unix.SIGUSR2:
				s.log.Warn("upgrading is not supported yet, going on")
			}
		}
	}
}

// oneKeystroke is how long after a signal to stop another is the same one: many programs send it to
// purser and to their whole process group (timeout(1), npm, kill $(pidof purser)).
const oneKeystroke = 100 * time.Millisecond

// stopSignals are the signals to stop that came so far.
type stopSignals struct{ first time.Time }

// another reports whether a signal to stop is a second one, by which somebody says that they do not wait.
func (s *stopSignals) another(now time.Time) bool {
	if s.first.IsZero() {
		s.first = now
	}
	return now.Sub(s.first) > oneKeystroke
}
