package spawn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"purser/conf"
	"purser/spawn/keeper"
)

// A Hook is a command of the operator's that is told of something that happened to an app.
type Hook struct {
	Keeper  *keeper.Keeper
	App     conf.App      // its env, and the rest of the environment that its children have
	Name    string        // such as before_restart
	Command conf.Command  // a shell command goes to sh -c as it is, so that it may have several steps
	Words   []string      // behind the command's own arguments
	Timeout time.Duration // then it is killed; 0 = no limit
	Dir     string        // where it runs; "" = the app's root
	Lines   Lines         // what it prints goes there
}

// A HookError is why a hook failed.
type HookError struct {
	Hook   string
	Reason string   // one clause, like "exited with status 1"
	Output []string // the last lines that the hook wrote, oldest first; at most 50
}

// Error returns one sentence.
func (e *HookError) Error() string { return e.Hook + " hook " + e.Reason }

// LastLines returns the hook's last lines.
func (e *HookError) LastLines() []string { return e.Output }

// Run runs the hook and returns once it has ended. What happened is in the variables, which the
// hook has in its environment by the names given, and in facts, which it may read from stdin as one
// JSON object; it need not. The error is nil if it exited with status 0, and else a *HookError.
//
// A hook is bound as a child is: nothing of it and of what it started is left when Run returns, which
// is at the timeout or the end of ctx at the latest, nor does it outlive Purser.
func (h *Hook) Run(ctx context.Context, variables map[string]string, facts any) error {
	document, err := json.Marshal(facts)
	if err != nil {
		return &HookError{Hook: h.Name, Reason: "cannot be told the facts: " + err.Error()}
	}
	running, err := h.exec(variables)
	if err != nil {
		return &HookError{Hook: h.Name, Reason: "cannot run: " + err.Error()}
	}
	if reason := h.await(ctx, running, append(document, '\n')); reason != nil {
		return &HookError{Hook: h.Name, Reason: reason.Error(), Output: running.output.tail.lines()}
	}
	return nil
}

func (h *Hook) exec(variables map[string]string) (*process, error) {
	program, err := h.program(variables)
	if err != nil {
		return nil, err
	}
	pipes, err := newPipes()
	if err != nil {
		return nil, fmt.Errorf("cannot make pipes: %w", err)
	}
	defer pipes.closeChildSide()
	program.Files = pipes.childSide
	started, err := h.Keeper.Fork(program)
	if err != nil {
		pipes.closeOurSide()
		return nil, notGranted(h.App, program, program.Dir, err)
	}
	running := &process{}
	running.own(started, pipes, privateSlate(), h.Lines, Line{App: h.App.Name, Hook: h.Name})
	return running, nil
}

// argv is what is run, without its words.
func (h *Hook) argv() []string {
	if h.Command.Shell != "" {
		return []string{"/bin/sh", "-c", h.Command.Shell}
	}
	return h.Command.Args
}

func (h *Hook) dir() string { return cmp.Or(h.Dir, h.App.Root) }

// program is what is to be run for the hook.
func (h *Hook) program(variables map[string]string) (p keeper.Program, err error) {
	p = keeper.Program{Dir: h.dir(), User: userOf(h.App), Args: slices.Concat(h.argv(), h.Words)}
	if len(p.Args) == 0 {
		return p, errors.New("no command is set")
	}
	if h.App.Grants != nil {
		return h.granted(variables)
	}
	if err := isFolder(p.Dir); err != nil {
		return p, err
	}
	p.Env = h.environment(p.Dir, variables)
	if p.Path, err = lookPath(h.App, p.Args[0], p.Dir); err == nil {
		p.Path, p.Args = withEnvFile(h.App, p.Path, p.Args, plain)
	}
	return p, err
}

func (h *Hook) environment(dir string, variables map[string]string) []string {
	env := environmentOf(h.App)
	env["PWD"] = dir
	maps.Copy(env, handedOn(h.App))
	env["PURSER_HOOK"] = h.Name
	maps.Copy(env, variables)
	maps.Copy(env, h.App.Env)
	return pairs(env)
}

// await tells the hook the facts, waits for its end, and returns why it failed.
func (h *Hook) await(ctx context.Context, running *process, document []byte) error {
	if h.Timeout > 0 {
		var cancel context.CancelFunc
		limit := fmt.Errorf("it took longer than its timeout (%s)", conf.Duration(h.Timeout))
		ctx, cancel = context.WithTimeoutCause(ctx, h.Timeout, limit)
		defer cancel()
	}
	unwatch := context.AfterFunc(ctx, running.Kill)
	defer unwatch()
	var telling sync.WaitGroup
	telling.Go(func() {
		running.stdin.Write(document) // who does not read it closes the pipe by ending
		running.stdin.Close()
	})
	running.awaitEnd()
	telling.Wait()
	if running.exit == nil || ctx.Err() == nil {
		return running.exit
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return errors.New("was killed, as purser is stopping")
	}
	return fmt.Errorf("was killed: %w", context.Cause(ctx))
}
