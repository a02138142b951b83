package spawn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"purser/conf"
	"purser/spawn/keeper"
	"purser/spawn/kind"
)

// A purpose is what a child is for: it serves requests, or is a worker. What differs by that is here, and everything else
// is the same.
type purpose interface {
	program(s *Spawner, c *Child) (keeper.Program, error)  // what is to be run
	variables(s *Spawner, c *Child, env map[string]string) // adds what only such children see
	found(app conf.App) bool                               // it is run by a command that is not written in the configuration
	serves() bool                                          // at an endpoint in a folder of its own; with preload it is forked from a source
	prove(ctx context.Context, c *Child) error             // says why one that was adopted is not what it was
}

// purpose is that of what is ordered.
func (o Order) purpose() purpose {
	if o.Worker != "" {
		return working(o.Worker)
	}
	return serving{}
}

// serving is the purpose of what serves requests.
type serving struct{}

func (serving) serves() bool { return true }

func (serving) program(s *Spawner, c *Child) (p keeper.Program, err error) {
	if s.app.Grants != nil {
		return s.granted(c)
	}
	argv, err := s.argv(c.Order, c.endpoint)
	if err != nil {
		return p, err
	}
	return s.direct(c, argv)
}

func (serving) variables(s *Spawner, c *Child, env map[string]string) {
	if s.app.Kind != kindCommand {
		env["IN_PASSENGER"] = "1"
		env["PASSENGER_APP_ENV"] = s.app.Environment
	} else if isFile(filepath.Join(c.Path, "bin/rails")) {
		env["PIDFILE"] = filepath.Join(c.endpoint.folder, "server.pid") // or rails server refuses to run twice
	}
}

func (serving) found(app conf.App) bool {
	return !app.Command.IsZero() && app.Found.Why != "" && app.Found.Why != kind.WhyCommand
}

// proveTime is how long who listens may take to be found: it has been proven before.
const proveTime = 2 * time.Second

func (serving) prove(ctx context.Context, c *Child) error {
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	owned, err := false, error(nil)
	switch c.network {
	case "":
		return errors.New("it was not ready")
	case "unix":
		var pid int
		var listens bool
		pid, listens, err = c.endpoint.listenerOf(ctx, c.address)
		owned = listens && (pid == 0 || pid == c.endpoint.listener)
	default:
		at, wrong := netip.ParseAddrPort(c.address)
		if wrong != nil {
			return wrong
		}
		owned, err = provenOwner(at.Addr().AsSlice(), int(at.Port()), &c.process)
	}
	if err == nil && !owned {
		err = fmt.Errorf("nothing of it listens on %s any more", c.address)
	}
	if err != nil {
		return err
	}
	return c.stillRuns()
}

// working is the purpose of a worker, by its name.
type working string

func (working) serves() bool { return false }

func (w working) program(s *Spawner, c *Child) (p keeper.Program, err error) {
	configured, _ := s.app.Worker(string(w))
	if s.app.Grants != nil {
		number, granted := s.app.Grants[workerGrant+string(w)]
		if !granted {
			return p, errNotGranted
		}
		return keeper.Program{Grant: number, Fill: keeper.Filling{Release: c.Path, Process: c.Order.Process, Index: c.Index, Generation: c.Generation}}, nil
	}
	argv, err := commandArgv(configured.Command, c.Path, c.endpoint)
	if err != nil {
		return p, err
	}
	return s.direct(c, throughShell(s.app, argv))
}

func (w working) variables(_ *Spawner, _ *Child, env map[string]string) {
	env["PURSER_WORKER"] = string(w)
}

func (w working) found(app conf.App) bool {
	configured, _ := app.Worker(string(w))
	line, there := app.Found.Procfile[string(w)]
	return there && configured.Command.Shell == line
}

func (working) prove(_ context.Context, c *Child) error { return c.stillRuns() }
