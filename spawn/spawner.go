// Package spawn starts one child of an app and proves that it is ready and that it is the child
// that answers; it keeps the child's last lines, signals it and reaps it. It knows no groups and
// never tries twice. It runs hooks in the same way, but for the proof.
//
// A child leads a process group of its own. Whatever way it ends, or Purser ends, nothing is left of
// it and of what it started: package keeper sees to that. Its stdin, a pipe that only Purser holds,
// closes.
package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"purser/conf"
	"purser/spawn/keeper"
)

// An Order says what a child is for.
type Order struct {
	Generation int
	Process    int             // number of the process within its group
	Index      int             // among those of its generation, from 0: who takes the place of another has its index
	Path       string          // real path of the release
	Worker     string          // which worker it is, "" = it serves requests
	Over       <-chan struct{} `json:"-"` // closed when nothing more of the generation will be ordered, which it tells from another of that number; nil = never
}

// A Spawner starts the children of one app. Use New, and Close at the end.
type Spawner struct {
	app     conf.App
	lines   Lines
	keeper  *keeper.Keeper
	running sync.WaitGroup // one for each start under way, and for each child that is not reaped yet
	folder  *folder
	ours    context.Context // ends when the children are another front's
	yield   context.CancelCauseFunc

	mu       sync.Mutex // guards what follows; nothing slow under it
	children map[*Child]bool
	sockets  int // socket folders made so far
	sources  []*source
}

// New returns a Spawner for an app as Detect returned it; k forks its children. Sockets and loaders go into a folder
// that the first Start makes below runtimeDir, closed to others; keep that path short, for a socket's path
// must not exceed 107 bytes. If the app runs as another user than purser, that user has to be able to enter runtimeDir.
// What children print goes to lines.
func New(k *keeper.Keeper, app conf.App, runtimeDir string, lines Lines) *Spawner {
	s := &Spawner{
		app:      app,
		lines:    lines,
		keeper:   k,
		folder:   &folder{parent: runtimeDir, loaders: app.Kind != kindCommand || app.ReloadGuard, open: isAnothers(app)},
		children: map[*Child]bool{},
	}
	if app.Grants != nil {
		s.folder = fixedFolder(runtimeDir)
	}
	s.ours, s.yield = context.WithCancelCause(context.Background())
	return s
}

// Close kills the children that still live, waits until they are reaped, and removes what Start
// made on disk. No Start may run or follow.
func (s *Spawner) Close() error {
	s.dropAll()
	for _, child := range s.living() {
		child.Kill()
	}
	s.running.Wait()
	if s.ours.Err() != nil {
		return nil // there are others in it
	}
	if err := s.folder.remove(); err != nil {
		return fmt.Errorf("cannot remove the runtime folder of app %q: %w", s.app.Name, err)
	}
	return nil
}

// Start starts a child and returns it once it is ready: it accepts connections on an endpoint that
// is provably its own; if the app has a health path, enough checks in a row were answered as
// expected; and the warm-up paths were answered. All of that has to happen within the app's start
// timeout (0 = no limit): health checks that fail are repeated until then, a warm-up request that
// fails ends the start.
//
// A child that fails is killed with its group and reaped before Start returns a *StartError; one
// that is silent at the start timeout is first asked for its Backtrace. If ctx ends first, it is
// killed at once and Start returns the cause.
//
// If the Spawner yields, it returns ErrYielded, and the child is left to the next front.
func (s *Spawner) Start(ctx context.Context, o Order) (*Child, error) {
	if !s.enter() {
		return nil, ErrYielded
	}
	defer s.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ours, func() { cancel(ErrYielded) })()
	child, err := (*Child)(nil), s.preload(ctx, o)
	if err == nil {
		child, err = s.begin(ctx, o, false)
	}
	if err != nil {
		return nil, s.notBegun(ctx, err)
	}
	err = s.awaitReady(ctx, child)
	if err == nil {
		child.ready = time.Now()
		err = s.note(child)
	}
	if err == nil {
		return child, nil
	}
	if errors.Is(context.Cause(ctx), ErrYielded) {
		<-child.gone
		return nil, ErrYielded
	}
	if _, hangs := errors.AsType[silence](err); hangs {
		child.printWhere(ctx)
	}
	child.Kill()
	<-child.gone
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.dropFor(o)
	killed, _ := errors.AsType[keeper.Killed](err)
	return nil, &StartError{App: s.app.Name, Reason: err.Error(), Output: child.LastLines(), outOfMemory: killed.OutOfMemory()}
}

// notBegun is why a start has failed before there was a child.
func (s *Spawner) notBegun(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failure, is := errors.AsType[*StartError](err); is {
		return failure // of its source
	}
	return &StartError{App: s.app.Name, Reason: err.Error()}
}

// begin does everything up to the running child.
func (s *Spawner) begin(ctx context.Context, o Order, source bool) (*Child, error) {
	stopSignal, err := signalByName("stop_signal", s.app.StopSignal)
	if err != nil {
		return nil, err
	}
	backtraceSignal, err := backtraceSignal(s.app)
	if err != nil {
		return nil, err
	}
	if err := s.fits(o.Path); err != nil {
		return nil, err
	}
	e, err := s.newEndpoint()
	if err != nil {
		return nil, err
	}
	child := &Child{
		Order: o, source: source, endpoint: e, stopSignal: stopSignal, backtraceSignal: backtraceSignal,
		gone: make(chan struct{}),
	}
	if err := s.exec(ctx, child); err != nil {
		e.remove()
		return nil, err
	}
	return child, nil
}

// own starts what belongs to a running child and ends with it.
func (s *Spawner) own(child *Child) {
	s.mu.Lock()
	s.children[child] = true
	s.mu.Unlock()
	s.running.Go(func() { s.attend(child) })
}

// attend is the life of a child from its start until nothing is left of it, or it is another front's.
func (s *Spawner) attend(child *Child) {
	if child.source {
		child.awaitEnd()
		child.endpoint.remove()
	} else if child.awaitEndOr(s.ours.Done()) {
		s.clear(child)
	} else {
		child.yield()
	}
	s.mu.Lock()
	delete(s.children, child)
	s.mu.Unlock()
	close(child.gone)
}

// clear removes what a child that is gone had.
func (s *Spawner) clear(child *Child) {
	Forget(s.keeper, s.name(child))
	child.endpoint.remove()
	if child.adopted && child.purpose().serves() {
		s.folder.leave(child.Folder())
	}
}

func (s *Spawner) living() []*Child {
	s.mu.Lock()
	defer s.mu.Unlock()
	var living []*Child
	for child := range s.children {
		living = append(living, child)
	}
	return living
}

// newEndpoint makes the folder and the names of one child's endpoint.
func (s *Spawner) newEndpoint() (e *endpoint, err error) {
	if s.app.Grants != nil {
		return s.grantedEndpoint()
	}
	folder, err := s.folder.get()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sockets++
	number := s.sockets
	s.mu.Unlock()
	folderTurns.do(func() { e, err = makeEndpoint(filepath.Join(folder, strconv.Itoa(number)), s.app) })
	return e, err
}

func isFolder(path string) error {
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("the folder %s does not exist", path)
	case err != nil:
		return fmt.Errorf("cannot look at the folder: %w", err)
	case !stat.IsDir():
		return fmt.Errorf("%s is not a folder", path)
	}
	return nil
}
