package spawn

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"purser/spawn/keeper"
)

// A handle is what a later front of purser needs to take a child over. It is noted before the child is forked, and
// again once that is ready.
type handle struct {
	Order
	Folder   string // of its endpoint, below the folder of the spawner that started it
	Socket   string
	Port     int
	Listener int

	Network, Address string    // "" = not ready yet
	Ready            time.Time // when it was; of a source, when it had loaded the app
	Loaders          string    `json:",omitempty"` // as a child has it
	Preloaded        preloaded `json:",omitzero"`

	Source bool      `json:",omitempty"` // it is a fork source, as a child has it, and so what follows
	Began  time.Time `json:",omitzero"`
	Forked int       `json:",omitempty"`

	StopSignal, BacktraceSignal syscall.Signal
}

// SlatePrefix begins the names of what the keeper holds for children.
const SlatePrefix = "slate/"

// HandleName is what a child's handle is noted under, and what the keeper has the child by; slateName is what it
// holds the child's slate by.
func HandleName(app string, process int) string { return fmt.Sprintf("child/%s#%d", app, process) }
func slateName(handle string) string            { return SlatePrefix + handle }

func (s *Spawner) name(c *Child) string {
	if c.source {
		return fmt.Sprintf("%s%d.%d", SourcePrefix(s.app.Name), c.Generation, c.began.UnixNano())
	}
	return HandleName(s.app.Name, c.Order.Process)
}

// note has the child's handle kept for later fronts.
func (s *Spawner) note(c *Child) error { return s.noteHandle(c, c.handle()) }

func (c *Child) handle() handle {
	e := c.endpoint
	return handle{
		Order: c.Order, Folder: e.folder, Socket: e.socket, Port: e.port, Listener: e.listener,
		Network: c.network, Address: c.address, Ready: c.ready, Loaders: c.loaders, Preloaded: c.preloaded, StopSignal: c.stopSignal, BacktraceSignal: c.backtraceSignal,
		Source: c.source, Began: c.began, Forked: c.forked,
	}
}

func (s *Spawner) noteHandle(c *Child, h handle) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return s.keeper.Note(s.name(c), text)
}

// Forget is for a child that is gone, by its handle's name. Where the keeper does not hear it, the child is gone for
// later fronts, too.
func Forget(k *keeper.Keeper, name string) {
	_ = k.Note(name, nil)
	k.Drop(slateName(name))
}

// Adopt takes over a child that an earlier front has started. It returns the child also with an error, which says
// why it is none that serves: it was not ready, or is not provably the one that answers at its endpoint, and was not
// told to end. Then it is being killed, with whatever it has started.
func (s *Spawner) Adopt(ctx context.Context, from keeper.Inheritee, left keeper.Inheritance) (*Child, error) {
	h, err := handleOf(from, left)
	if err != nil {
		from.Process.Kill()
		return nil, fmt.Errorf("cannot read what was noted of it: %w", err)
	}
	child := s.adopted(h, from, left)
	if from.Stopping && (h.Network != "" || !child.purpose().serves()) {
		return child, nil // who was told to end has closed its socket first, and has its time to do the rest
	}
	if err := child.purpose().prove(ctx, child); err != nil {
		child.Kill()
		return child, err
	}
	return child, nil
}

// handleOf reads what was noted of a child.
func handleOf(from keeper.Inheritee, left keeper.Inheritance) (h handle, err error) {
	err = json.Unmarshal(left.Notes[from.Name], &h)
	if err == nil && len(from.Keep) != 3 {
		err = fmt.Errorf("it has %d files", len(from.Keep))
	}
	return h, err
}

// adopted is a child that goes on here, whatever may be wrong with it.
func (s *Spawner) adopted(h handle, from keeper.Inheritee, left keeper.Inheritance) *Child {
	child := &Child{
		Order: h.Order, network: h.Network, address: h.Address, ready: h.Ready, stopSignal: h.StopSignal, backtraceSignal: h.BacktraceSignal,
		endpoint: &endpoint{folder: h.Folder, socket: h.Socket, port: h.Port, listener: h.Listener, owner: ownerOfSockets(s.app)},
		adopted:  true, loaders: h.Loaders, preloaded: h.Preloaded,
		source: h.Source, began: h.Began, forked: h.Forked,
		gone: make(chan struct{}),
	}
	if from.Stopping {
		child.stop.Do(func() {}) // it was told
	}
	ports.reserve(h.Port)
	if child.purpose().serves() {
		s.folder.adopt(child.Folder())
	}
	if child.loaders != "" {
		s.folder.adopt(child.loaders)
	}
	child.process.own(from.Process, &pipes{stdin: from.Keep[0], stdout: from.Keep[1], stderr: from.Keep[2]}, openSlate(left.Held[slateName(from.Name)]),
		s.lines, Line{App: s.app.Name, Worker: child.Worker, Generation: child.Generation})
	s.own(child)
	return child
}
