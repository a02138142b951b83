package pool

import "slices"

// slots counts the processes of all groups against the pool-wide cap. It knows who waits for room,
// in the order in which they came.
type slots[G comparable] struct {
	limit   int // 0 = none
	alive   int
	waiting []*seat[G]
}

// A seat is a group that was refused a slot and still wants one.
type seat[G comparable] struct {
	group    G
	queued   bool // requests wait for it, not only a replacement
	promised bool // a process of another group is on its way out for it
}

// claim takes a slot for one more process of group, or gives it a seat and reports false. A
// replacement may exceed the cap by surge, as the process that it replaces goes; min_processes
// are held before others grow; the rest goes by the order of the seats.
func (s *slots[G]) claim(group G, why purpose, surge int) bool {
	free := s.limit - s.alive
	switch why {
	case replacement:
		free += surge
	case serveQueue:
		free -= s.ahead(group)
	}
	if s.limit > 0 && free <= 0 {
		s.sit(group, why == serveQueue)
		return false
	}
	s.alive++
	return true
}

// free gives a slot back. What was promised to the first is now there to claim, or lost to another.
func (s *slots[G]) free() {
	s.alive--
	for _, seat := range s.waiting {
		if seat.promised {
			seat.promised = false
			return
		}
	}
}

// promise reports whether someone is to make room for group, and notes that it will be done.
func (s *slots[G]) promise(group G) bool {
	seat := s.seat(group)
	if seat == nil || seat.promised {
		return false
	}
	seat.promised = true
	return true
}

// leave gives up a group's seat.
func (s *slots[G]) leave(group G) {
	s.waiting = slices.DeleteFunc(s.waiting, func(seat *seat[G]) bool { return seat.group == group })
}

// unpromise notes that nobody could make room.
func (s *slots[G]) unpromise(group G) {
	if seat := s.seat(group); seat != nil {
		seat.promised = false
	}
}

func (s *slots[G]) sit(group G, queued bool) {
	at := s.seat(group)
	if at == nil {
		at = &seat[G]{group: group}
		s.waiting = append(s.waiting, at)
	}
	at.queued = at.queued || queued
}

func (s *slots[G]) seat(group G) *seat[G] {
	for _, seat := range s.waiting {
		if seat.group == group {
			return seat
		}
	}
	return nil
}

// ahead counts the groups with waiting requests that came before this one.
func (s *slots[G]) ahead(group G) (n int) {
	for _, seat := range s.waiting {
		if seat.group == group {
			break
		}
		if seat.queued {
			n++
		}
	}
	return n
}
