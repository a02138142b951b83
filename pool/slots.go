package pool

import "slices"

// slots counts the processes of all groups against the pool-wide cap. It knows who waits for room,
// in the order in which they came.
type slots[G comparable] struct {
	limit   int // 0 = none
	taken   int
	surplus map[G]int // processes beside the taken slots: replacements, until what they replace is gone
	waiting []*seat[G]
}

// A seat is a group that was refused a slot and still wants one.
type seat[G comparable] struct {
	group    G
	queued   bool // requests wait for it, not only a replacement
	promised bool // a process of another group is on its way out for it
}

// claim takes a slot for one more process of group, if there is one for it. Replacements need none as
// long as no more than surge processes are surplus, so that a restart neither waits for room nor
// takes what others wait for. min_processes are held before others grow; the rest goes by the order
// of the seats.
func (s *slots[G]) claim(group G, why purpose, surge int) bool {
	if why == replacement && s.surplus[group] < surge {
		s.surplus[group]++
		return true
	}
	free := s.limit - s.taken
	if why != holdMin {
		free -= s.ahead(group)
	}
	if s.limit > 0 && free <= 0 {
		return false
	}
	s.taken++
	return true
}

// free notes that a process of group is gone, and reports whether others may now get what it had.
// What was promised to the first is then there to claim, or lost, and is to be asked for again.
func (s *slots[G]) free(group G) (matters bool) {
	if i := slices.IndexFunc(s.waiting, func(at *seat[G]) bool { return at.promised }); i >= 0 {
		s.waiting[i].promised = false
	}
	if s.surplus[group] > 0 {
		s.surplus[group]--
		return false
	}
	s.taken--
	return len(s.waiting) > 0
}

// wait gives a group a seat that was refused a slot, or lets it keep the one that it has. Like leave
// it reports whether others may now get what the group waited for.
func (s *slots[G]) wait(group G, queued bool) (matters bool) {
	at := s.seat(group)
	if at == nil {
		at = &seat[G]{group: group}
		s.waiting = append(s.waiting, at)
	}
	matters = at.queued && !queued && s.taken < s.limit
	at.queued = queued
	return matters
}

// leave gives up a group's seat.
func (s *slots[G]) leave(group G) (matters bool) {
	s.waiting = slices.DeleteFunc(s.waiting, func(at *seat[G]) bool { return at.group == group })
	return s.taken < s.limit
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

// unpromise notes that nobody could make room.
func (s *slots[G]) unpromise(group G) {
	if seat := s.seat(group); seat != nil {
		seat.promised = false
	}
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
