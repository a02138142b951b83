package spawn

import (
	"context"
	"fmt"
	"strings"

	"purser/conf"
	"purser/spawn/keeper"
)

// This file is how workers are started: programs of the app that serve no request. They have no endpoint, and nothing
// to prove but that they run.

// workerGrant begins the names of what may be run for workers.
const workerGrant = "worker/"

// StartWorker starts a worker, and returns it as soon as it runs. It is ended as other children are, but with the
// worker's own signal. If ctx has ended, or the Spawner yields, it returns the cause, or ErrYielded.
func (s *Spawner) StartWorker(ctx context.Context, o Order) (*Child, error) {
	if !s.enter() {
		return nil, ErrYielded
	}
	defer s.running.Done()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	child, err := s.beginWorker(o)
	if err != nil {
		return nil, &StartError{App: s.app.Name, Reason: err.Error()}
	}
	return child, nil
}

func (s *Spawner) beginWorker(o Order) (*Child, error) {
	w, there := s.app.Worker(o.Worker)
	if !there {
		return nil, fmt.Errorf("the configuration that it is to be started with has no worker %s", o.Worker)
	}
	stopSignal, err := signalByName("stop_signal", w.StopSignal)
	if err != nil {
		return nil, err
	}
	if err := s.fits(o.Path); err != nil {
		return nil, err
	}
	child := &Child{Order: o, endpoint: &endpoint{}, stopSignal: stopSignal, gone: make(chan struct{})}
	return child, s.exec(context.Background(), child)
}

// workerTemplate is what a front may have run for a worker.
func (s *Spawner) workerTemplate(w conf.Worker) (g keeper.Grant, found bool) {
	replace := strings.NewReplacer("{root}", keeper.SlotRelease, "\x01", "\x01\x01").Replace
	child := &Child{Order: Order{Path: "/nonexistent", Worker: w.Name}, endpoint: &endpoint{}}
	return s.grant(throughShell(s.app, commandTemplate(w.Command, replace)), s.template(child, nil), w.Command.Shell != "")
}

// commandTemplate is a written command with slots for what is filled in.
func commandTemplate(c conf.Command, replace func(string) string) (argv []string) {
	if c.Shell != "" {
		return []string{"/bin/sh", "-c", execFirst(c.Shell) + replace(c.Shell)}
	}
	for _, arg := range c.Args {
		argv = append(argv, replace(arg))
	}
	return argv
}
