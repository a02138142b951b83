package pool

import "slices"

// slots counts the processes of all groups against the pool-wide cap. It keeps the min_processes of every
// group free for it, and knows who waits for room, in the order in which they came.
type slots[G comparable] struct {
	limit    int // 0 = none
	taken    int
	unheld   int // slots that nobody but the groups which are below their min may take
	accounts map[G]*account
	waiting  []*seat[G]
}

// An account is what one group has.
type account struct {
	min     int // slots that are kept for it
	slots   int
	surplus int // processes beside the slots: replacements, until what they replace is gone
}

// unheld is how many slots the group may still take of those that are kept for it.
func (a *account) unheld() int { return max(0, a.min-a.slots) }

// A need is what a group wants room for. The more it needs it, the earlier it comes, and the more others
// give up for it.
type need uint8

const (
	nothing     need = iota
	replacing        // a process is outdated or worn: others give up what they keep or do not use
	growing          // requests wait, and something serves: it waits until there is room
	subsistence      // it is below its min, or nothing serves: others above theirs give up what is busy, too
)

// A seat is a group that was refused a slot and still wants one.
type seat[G comparable] struct {
	group    G
	need     need
	promised bool // a process is on its way out for it
	served   bool // it has taken a slot, and has not yet said whether it wants another
}

func newSlots[G comparable](limit int) slots[G] {
	return slots[G]{limit: limit, accounts: map[G]*account{}}
}

// reserve keeps so many slots for a group. What is kept for all groups must fit under the limit.
func (s *slots[G]) reserve(group G, min int) {
	if s.accounts[group] == nil {
		s.accounts[group] = &account{}
	}
	s.change(group, func(a *account) { a.min = min })
}

func (s *slots[G]) change(group G, how func(*account)) {
	a := s.accounts[group]
	s.unheld -= a.unheld()
	how(a)
	s.unheld += a.unheld()
}

// claim takes a slot for one more process of group, if there is one for it. A replacement needs none as
// long as no more than surge processes are surplus, so that a restart neither waits for room nor takes
// what others wait for.
func (s *slots[G]) claim(group G, n need, surge int) bool {
	if a := s.accounts[group]; n == replacing && a.surplus < surge {
		a.surplus++
		return true
	}
	if s.limit > 0 && s.room(group, n) <= 0 {
		return false
	}
	s.taken++
	s.change(group, func(a *account) { a.slots++ })
	if at := s.seat(group); at != nil {
		at.served = true
	}
	return true
}

// adopt counts the processes that a new group has from another purser. So many of them may be surplus.
func (s *slots[G]) adopt(group G, processes, surplus int) {
	surplus = min(max(0, surplus), processes)
	s.taken += processes - surplus
	s.change(group, func(a *account) { a.slots, a.surplus = processes-surplus, surplus })
}

// room is how many slots a group may take. What is kept for it is there whenever it is below its min; the
// rest goes by the order of the seats.
func (s *slots[G]) room(group G, n need) int {
	free := s.limit - s.taken - s.unheld
	if own := s.accounts[group].unheld(); own > 0 {
		return free + own
	}
	return free - s.before(group, n)
}

// before counts the seats that come before that of a group: those of groups that need a slot more, or as
// much and for a longer time.
func (s *slots[G]) before(group G, n need) (seats int) {
	older := true
	for _, at := range s.waiting {
		switch {
		case at.group == group:
			older = false
		case !s.goesAhead(at):
		case at.need > n, at.need == n && older:
			seats++
		}
	}
	return seats
}

// goesAhead reports whether a seat comes before any other. A replacement keeps nobody from growing, and what is
// kept for a group keeps nothing from others beyond that.
func (s *slots[G]) goesAhead(at *seat[G]) bool {
	return at.need != replacing && s.accounts[at.group].unheld() == 0
}

// takers are the groups whose seats have room now, in the order in which they came. It looks at each seat twice,
// whatever their number: where a thousand wait, not all of them are to ask for the one slot that is free.
func (s *slots[G]) takers() (takers []G) {
	var all, earlier [subsistence + 1]int // seats that come before others, by need
	for _, at := range s.waiting {
		if s.goesAhead(at) {
			all[at.need]++
		}
	}
	free := s.limit - s.taken - s.unheld
	for _, at := range s.waiting {
		room := free - earlier[at.need]
		for n := at.need + 1; n <= subsistence; n++ {
			room -= all[n]
		}
		if own := s.accounts[at.group].unheld(); own > 0 {
			room = free + own
		}
		if room > 0 {
			takers = append(takers, at.group)
		}
		if s.goesAhead(at) {
			earlier[at.need]++
		}
	}
	return takers
}

// release notes that a process of group is gone, and reports whether others may now get what it had.
// What was promised to the first is then there to claim, or lost, and is to be asked for again.
func (s *slots[G]) release(group G) (matters bool) {
	if i := slices.IndexFunc(s.waiting, func(at *seat[G]) bool { return at.promised }); i >= 0 {
		s.waiting[i].promised = false
	}
	if a := s.accounts[group]; a.surplus > 0 {
		a.surplus--
		return false
	}
	s.taken--
	s.change(group, func(a *account) { a.slots-- })
	return len(s.waiting) > 0
}

// wait gives a group a seat that was refused a slot, or lets it keep the one that it has. Promised says that
// a process of its own is on its way out. Like leave it reports whether others may now get what the group
// waited for.
func (s *slots[G]) wait(group G, n need, promised bool) (matters bool) {
	at := s.seat(group)
	if at == nil {
		at = &seat[G]{group: group}
		s.waiting = append(s.waiting, at)
	}
	matters = n < at.need && s.taken < s.limit
	at.need, at.promised, at.served = n, at.promised || promised, false
	return matters
}

// leave gives up a group's seat.
func (s *slots[G]) leave(group G) (matters bool) {
	s.waiting = slices.DeleteFunc(s.waiting, func(at *seat[G]) bool { return at.group == group })
	return s.taken < s.limit
}

func (s *slots[G]) seat(group G) *seat[G] {
	i := slices.IndexFunc(s.waiting, func(at *seat[G]) bool { return at.group == group })
	if i < 0 {
		return nil
	}
	return s.waiting[i]
}
