package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"

	"purser/spawn/keeper"
)

// This file is how a child is run: what, with which pipes, and what later fronts need to know of it.

func (s *Spawner) exec(ctx context.Context, child *Child) error {
	program, err := child.purpose().program(s, child)
	if err != nil {
		return err
	}
	pipes, err := newPipes()
	if err != nil {
		return fmt.Errorf("cannot make pipes: %w", err)
	}
	defer pipes.closeChildSide()
	slate := newSlate()
	program.Files = pipes.childSide
	if !child.source {
		program.Name, program.Keep = s.name(child), pipes.ourSide()
	}
	started, err := s.fork(ctx, child, slate, program)
	if err != nil {
		pipes.closeOurSide()
		slate.close()
		if _, failed := errors.AsType[*StartError](err); failed || ctx.Err() != nil {
			return err
		}
		return notGranted(s.app, program, child.Order.Path, err)
	}
	child.process.own(started, pipes, slate, s.lines, Line{App: s.app.Name, Worker: child.Worker, Generation: child.Generation})
	s.own(child)
	return nil
}

// fits says why a release cannot be what the app is started from. What we may not look at, who starts it may.
func (s *Spawner) fits(release string) error {
	err := isFolder(release)
	if err == nil {
		err = stillOwned(s.app, release)
	}
	if s.app.Grants != nil && errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}

// direct is what is to be run for a child where purser may run anything.
func (s *Spawner) direct(child *Child, argv []string) (p keeper.Program, err error) {
	p = keeper.Program{Dir: child.Order.Path, User: userOf(s.app), Limits: limitsOf(s.app), Group: groupOfApp(s.app), Args: argv, Env: s.environment(child)}
	if p.Path, err = lookPath(s.app, p.Args[0], child.Order.Path); err == nil {
		p.Path, p.Args = withEnvFile(s.app, p.Path, p.Args, plain)
	}
	return p, err
}

// fork starts the child, once there is what a later front needs to know of it.
func (s *Spawner) fork(ctx context.Context, child *Child, slate *slate, p keeper.Program) (*keeper.Process, error) {
	if child.source { // which ends with this front
		p.Source = true
		return s.keeper.Fork(p)
	}
	err := s.note(child)
	if err == nil && slate.file != nil {
		err = s.keeper.Hold(slateName(p.Name), slate.file)
	}
	var started *keeper.Process
	if err == nil {
		started, err = s.forkFrom(ctx, child, p)
	}
	if err != nil {
		Forget(s.keeper, p.Name)
	}
	return started, err
}
