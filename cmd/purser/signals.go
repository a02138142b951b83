package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"purser/cmd/purser/show"
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
	stopping := false
	attended := show.IsTerminal(os.Stdin) // then a hangup is that of the terminal
	for {
		select {
		case <-over.Done():
			return nil
		case got := <-signals:
			s.log.Info("signal", "name", unix.SignalName(got.(unix.Signal)))
			switch {
			case got == unix.SIGTERM, got == unix.SIGINT, got == unix.SIGHUP && attended:
				if stopping {
					s.hurry()
				}
				stopping = true
				s.stop()
			case got == unix.SIGHUP:
				s.log.Warn("reloading the configuration is not supported yet, reopening the access log only")
				s.complain("cannot reopen the access log", s.front.ReopenLogs())
			case got == unix.SIGUSR1:
				s.restarts.onSignal()
			case got == unix.SIGUSR2:
				s.log.Warn("upgrading is not supported yet, going on")
			}
		}
	}
}
