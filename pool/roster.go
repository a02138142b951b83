package pool

import (
	"math/rand/v2"
	"slices"
	"time"

	"purser/conf"
)

// A roster is the processes of a group that are not yet gone, and the restarts that move them. It makes the
// moves, and knows no rule.
type roster struct {
	app  conf.App
	os   driver
	rand *rand.Rand

	restartLog
	procs      []*Process    // oldest first
	roles      []*role       // what else runs
	unfinished []*generation // of which something was spawned, and that are not over
	lendable   lendable      // those of them that are ready
	spawned    int           // processes so far, workers included
	webs       int           // that this front has spawned to serve
	processed  uint64        // requests done with by processes that are gone
	stopped    bool          // it is closed, and purser goes on
	outside    int           // processes that are outside the pool's cap
	debts      debts         // what fronts have of it that have yielded
	moves      int           // of processes and restarts so far: settle makes rounds until one makes none
	changes    int           // beside moves, so far, of what a note tells
}

// version is another one whenever a note would tell something new.
func (s *roster) version() int { return s.moves + s.changes }

// look notes which processes were used since it was last called, and ends doubts that nothing came of.
func (s *roster) look(now time.Time) {
	for _, p := range s.procs {
		if !p.doubted.IsZero() && now.Sub(p.doubted) >= slowTick {
			p.doubted = time.Time{}
			s.lendable.moved(p)
		}
		if p.lent != p.seen || p.load() > 0 {
			p.seen, p.lastUsed = p.lent, now
		}
		if a := p.answered(); a != p.heard {
			p.heard, p.answeredAt = a, now
		}
	}
}

// doubt lends a process only if there is no other, for a while: it ended a connection without an
// answer. If it is dying, its exit will tell.
func (s *roster) doubt(now time.Time, p *Process) {
	p.doubted = now
	s.lendable.moved(p)
}

// refusal is what requests are told of a group that is closed.
func (s *roster) refusal() error {
	if s.stopped {
		return ErrStopped
	}
	return ErrClosed
}

// ending is why everything is let go once the group is closed.
func (s *roster) ending() string {
	if s.stopped {
		return "the app is being stopped"
	}
	return "purser is stopping"
}

// readyAs returns the ready process with that pid, or nil.
func (s *roster) readyAs(pid int) *Process {
	i := slices.IndexFunc(s.procs, func(p *Process) bool { return p.state == Ready && p.pid() == pid })
	if i < 0 {
		return nil
	}
	return s.procs[i]
}

// numbered returns the process with that number, or nil if there is none that lives.
func (s *roster) numbered(number int) *Process {
	i := slices.IndexFunc(s.procs, func(p *Process) bool { return p.number == number })
	if i < 0 {
		return nil
	}
	return s.procs[i]
}

// idlest returns the ready process with nothing in flight that was not used for the longest time.
func (s *roster) idlest() (idlest *Process) {
	for _, p := range s.procs {
		if p.state == Ready && p.load() == 0 && (idlest == nil || p.lastUsed.Before(idlest.lastUsed)) {
			idlest = p
		}
	}
	return idlest
}

// dispensable returns the ready process to let go next, where the group is to become target: one of another
// generation before one that is worn, and that before others; of those the oldest generation, and of that the
// least busy.
func (s *roster) dispensable(target *generation) (best *Process) {
	for _, p := range s.procs {
		if p.state == Ready && (best == nil || moreDispensable(target, p, best)) {
			best = p
		}
	}
	return best
}

func moreDispensable(target *generation, a, b *Process) bool {
	switch old := a.generation != target; {
	case old != (b.generation != target):
		return old
	case a.worn() != b.worn():
		return a.worn()
	case a.generation.number != b.generation.number:
		return a.generation.number < b.generation.number
	}
	return a.load() < b.load()
}

// kept returns the oldest process that is kept for a rollback, or nil. One that has given its slot back makes no room
// for anybody: who waited for that would wait for ever.
func (s *roster) kept() *Process {
	for _, p := range s.procs {
		if p.state == Standby && !p.outside {
			return p
		}
	}
	return nil
}

// revivable returns a process of n that was let go and lives, the one that stands by before one that
// drains, or nil.
func (s *roster) revivable(n *generation) (best *Process) {
	for _, p := range s.procs {
		if p.generation == n && p.revivable() && (best == nil || p.state > best.state) {
			best = p
		}
	}
	return best
}

// freeIndex is the lowest number from 0 that none of these has as its index that is of a generation, and to stay. So the
// processes of a generation have the indexes below their number, and who takes the place of one has its index, maybe
// while that ends what it has.
func freeIndex(procs []*Process, of *generation) int {
	taken := make([]bool, len(procs)+1)
	for _, p := range procs {
		if p.generation == of && p.state <= Ready && !p.worn() && p.index < len(taken) {
			taken[p.index] = true
		}
	}
	return slices.Index(taken, false)
}

// serves reports whether a process of n does.
func (s *roster) serves(n *generation) bool {
	return slices.ContainsFunc(s.lendable.heap, func(p *Process) bool { return p.generation == n })
}

// alive returns the generations of which something serves, or could again, newest process first.
func (s *roster) alive() (alive []*generation) {
	for _, p := range slices.Backward(s.procs) {
		if Ready <= p.state && p.state <= Standby && !slices.Contains(alive, p.generation) {
			alive = append(alive, p.generation)
		}
	}
	return alive
}

// numbers returns the numbers of the generations that live, and of the wanted one, in order. What is asked to
// exit does not count any more.
func (s *roster) numbers(wanted *generation) []int {
	numbers := []int{wanted.number}
	for _, p := range s.procs {
		if p.state < Stopping {
			numbers = append(numbers, p.generation.number)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// requestLimit is max_requests give or take a tenth, so that processes do not all go at once.
func (s *roster) requestLimit() uint64 {
	limit := s.app.MaxRequests
	if limit <= 0 {
		return 0
	}
	return uint64(max(1, limit-limit/10+s.rand.IntN(2*(limit/10)+1)))
}
