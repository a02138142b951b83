package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/pool"
)

// idleLink is how long an unused connection to a process is kept.
const idleLink = 30 * time.Second

// An Upstream is the way to one process: its address and the idle connections to it.
type Upstream struct {
	network, address string

	mu     sync.Mutex // guards what follows; nothing is opened or closed under it
	idle   []*socket  // last used last
	closed bool
	pruner *time.Timer // armed while there are idle connections
}

// NewUpstream returns the way to a process that listens on address ("unix" or "tcp" network).
func NewUpstream(network, address string) *Upstream {
	return &Upstream{network: network, address: address}
}

// CloseIdle closes the idle connections, now and for good: connections that are given back later
// are closed too. It is called when the process is to stop, which many apps do only once nobody is
// connected.
func (u *Upstream) CloseIdle() {
	u.mu.Lock()
	idle := u.idle
	u.idle, u.closed = nil, true
	if u.pruner != nil {
		u.pruner.Stop()
	}
	u.mu.Unlock()
	closeAll(idle)
}

func closeAll(links []*socket) {
	for _, s := range links {
		s.close()
	}
}

// take returns the connection that was used last, or nil if a new one is needed: if fresh is wanted,
// if none was used after since, or if the app has closed it or talked out of turn.
func (u *Upstream) take(fresh bool, since int64) *socket {
	for !fresh {
		s := u.pop(since)
		if s == nil || s.quiet() {
			return s
		}
		s.close()
	}
	return nil
}

func (u *Upstream) pop(since int64) *socket {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	if n == 0 || u.idle[n-1].used < since {
		return nil
	}
	s := u.idle[n-1]
	u.idle[n-1] = nil
	u.idle = u.idle[:n-1]
	return s
}

// put keeps a connection for the next request.
func (u *Upstream) put(s *socket, now int64) {
	s.used = now
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		s.close()
		return
	}
	u.idle = append(u.idle, s)
	if u.pruner == nil {
		u.pruner = time.AfterFunc(idleLink, u.prune)
	}
	u.mu.Unlock()
}

// prune closes what has not been used for a while: anything older than the newest by idleLink, and
// after a quiet time all of it.
func (u *Upstream) prune() {
	u.mu.Lock()
	newest := int64(0)
	if n := len(u.idle); n > 0 {
		newest = u.idle[n-1].used
	}
	old, _ := slices.BinarySearchFunc(u.idle, newest-int64(idleLink), func(s *socket, t int64) int { return int(s.used - t) })
	stale := slices.Clone(u.idle[:old])
	u.idle = slices.Delete(u.idle, 0, old)
	if u.closed || len(u.idle) == 0 {
		u.pruner = nil
	} else {
		u.pruner.Reset(idleLink)
	}
	u.mu.Unlock()
	closeAll(stale)
}

// dial opens a connection.
func (u *Upstream) dial(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		c, err := new(net.Dialer).DialContext(ctx, u.network, u.address)
		if err == nil {
			return newLink(c)
		}
		// A full backlog of a unix socket is "try again", and the kernel tells nobody when.
		if !errors.Is(err, unix.EAGAIN) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("its backlog is full: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}

func newLink(c net.Conn) (*socket, error) {
	s, err := newSocket(c)
	if err == nil {
		s.link = true
	}
	return s, err
}

// upstreamOf returns the way to a process: what cmd hands to the pool as a child carries it.
func upstreamOf(p *pool.Process) *Upstream {
	return p.Child().(interface{ Upstream() *Upstream }).Upstream()
}
