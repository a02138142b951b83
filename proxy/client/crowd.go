package client

import (
	"errors"
	"time"
)

var (
	errFull  = errors.New("there are max_connections connections, and none of them is idle or slow")
	errGreed = errors.New("it has max_connections_per_address connections already")
)

// enter adds a connection, if there may be another.
func (s *Conns) enter(c *conn) error {
	if !s.makePlace() {
		return errFull
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.announced { // else it is not known yet whose it is
		if err := s.admit(c); err != nil {
			return err
		}
	}
	c.next = s.first
	if s.first != nil {
		s.first.prev = c
	}
	s.first = c
	s.count++
	return nil
}

func (s *Conns) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	s.count--
	if c.counted {
		if s.blocks[c.sock.Flow]--; s.blocks[c.sock.Flow] == 0 {
			delete(s.blocks, c.sock.Flow)
		}
	}
	s.changed.Broadcast()
}

// makePlace has others end for a new connection if there are as many as may be. While others may still turn out to be
// slow it waits, as makeRoom does.
func (s *Conns) makePlace() bool {
	for end := s.Sweeper.Clock.Exact() + int64(2*slowHead); !s.hasPlace(); time.Sleep(slowHead / 50) {
		if s.stopping.Load() || !s.anyYoung() || s.Sweeper.Clock.Exact() > end {
			return false
		}
	}
	return true
}

// hasPlace reports whether there may be another connection. Where there are as many as may be, those make way that are
// slow or idle: who only holds connections keeps nobody out.
func (s *Conns) hasPlace() bool {
	most := s.limits.Load().Connections
	if most == 0 || s.Count() < most {
		return true
	}
	for s.staying() >= most {
		if !s.dropOldest(slowHead, expecting, reading) && !s.dropOldest(0, idle, lingering) && !s.dropOldest(slowBody, taking) {
			return false
		}
	}
	return true
}

// staying is how many connections were not told to end.
func (s *Conns) staying() (n int) {
	s.each(func(c *conn) {
		if !c.dropped.Load() {
			n++
		}
	})
	return n
}

// admit learns whose a connection is. The error says that its client has as many as it may. Proxies that are believed
// have many clients, and who has no address may be anybody: they do not count. It is called with mu held.
func (s *Conns) admit(c *conn) error {
	if c.peer.Trusted || !c.peer.Addr.IsValid() {
		return nil
	}
	c.sock.Flow, c.met = Block(c.peer.Addr), true
	if most := s.limits.Load().PerAddress; most > 0 {
		if s.blocks[c.sock.Flow] >= most {
			return errGreed
		}
		s.countIn(c)
	}
	return nil
}

// countIn counts a connection of somebody that is known. It is called with mu held.
func (s *Conns) countIn(c *conn) {
	if c.met && !c.counted {
		c.counted = true
		s.blocks[c.sock.Flow]++
	}
}

// mayStay is admit for a connection whose client has just been named. It reports false once that is told that it has
// too many.
func (c *conn) mayStay() bool {
	c.set.mu.Lock()
	err := c.set.admit(c)
	c.set.mu.Unlock()
	if err != nil {
		c.set.refuse(c, err)
	}
	return err == nil
}

// refuse tells a client why there is no place for it, without waiting for anything.
func (s *Conns) refuse(c *conn, why error) {
	answer := s.NoRoomAnswer
	if errors.Is(why, errGreed) {
		answer = s.GreedAnswer
	}
	sayNo(c.sock, c.secure == nil, answer)
	s.Refused(&c.peer, why)
}
