// Package upstream is the way to a process: connections to it that are kept for the next request, what
// it is asked, and its answer. It knows nothing of who asks but whether they still wait.
package upstream

import (
	"context"
	"slices"
	"sync"
	"time"

	"purser/proxy/sock"
)

const (
	idleLink    = 30 * time.Second // how long an unused connection to a process is kept
	dialTimeout = 5 * time.Second  // to be accepted by an app
)

// A Way is the way to one process: its address and the idle connections to it, which are called links.
type Way struct {
	network, address string
	owner            int // who has to listen there, or sock.Anybody

	mu     sync.Mutex // guards what follows; nothing is opened or closed under it
	idle   []link     // last used last
	closed bool
	pruner *time.Timer // armed while there are idle links
}

// A link is an idle connection to a process.
type link struct {
	sock *sock.Socket
	used int64 // when it was given back, on the clock
}

// New returns the way to a process that listens on address ("unix" or "tcp" network).
func New(network, address string) *Way {
	return &Way{network: network, address: address, owner: sock.Anybody}
}

// Owned returns the way to a process of a user, given by his number: nobody else's socket is taken for its own. -1 is
// anybody.
func Owned(network, address string, owner int) *Way {
	return &Way{network: network, address: address, owner: owner}
}

// CloseIdle closes the idle links, now and for good: links that are given back later are closed too. It
// is called when the process is to stop, which many apps do only once nobody is connected.
func (w *Way) CloseIdle() {
	w.mu.Lock()
	idle := w.idle
	w.idle, w.closed = nil, true
	if w.pruner != nil {
		w.pruner.Stop()
	}
	w.mu.Unlock()
	closeAll(idle)
}

func closeAll(links []link) {
	for _, l := range links {
		l.sock.Close()
	}
}

// take returns the link that was used last, or nil if there is none that the app has neither closed nor
// talked on out of turn.
func (w *Way) take() *sock.Socket {
	for {
		s := w.pop()
		if s == nil || s.Quiet() {
			return s
		}
		s.Close()
	}
}

func (w *Way) pop() *sock.Socket {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.idle)
	if n == 0 {
		return nil
	}
	s := w.idle[n-1].sock
	w.idle[n-1] = link{}
	w.idle = w.idle[:n-1]
	return s
}

// put keeps a link for the next request. One that had to be opened although others were idle takes the
// place of one of them, so that there are never more than were in use at once.
func (w *Way) put(s *sock.Socket, extra bool) {
	now := s.Clock().Now()
	w.mu.Lock()
	if w.closed || extra && len(w.idle) > 0 {
		w.mu.Unlock()
		s.Close()
		return
	}
	w.idle = append(w.idle, link{s, now})
	if w.pruner == nil {
		w.pruner = time.AfterFunc(idleLink, w.prune)
	}
	w.mu.Unlock()
}

// prune closes what has not been used for a while.
func (w *Way) prune() {
	w.mu.Lock()
	unused := 0
	if len(w.idle) > 0 {
		since := w.idle[0].sock.Clock().Now() - int64(idleLink)
		unused, _ = slices.BinarySearchFunc(w.idle, since, func(l link, t int64) int { return int(l.used - t) })
	}
	stale := slices.Clone(w.idle[:unused])
	w.idle = slices.Delete(w.idle, 0, unused)
	if w.closed || len(w.idle) == 0 {
		w.pruner = nil
	} else {
		w.pruner.Reset(idleLink / 2)
	}
	w.mu.Unlock()
	closeAll(stale)
}

// dial opens a link.
func (w *Way) dial(ctx context.Context, sweeper *sock.Sweeper) (*sock.Socket, error) {
	return sock.Connect(ctx, w.network, w.address, w.owner, dialTimeout, sweeper)
}
