package pool

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// A world is everything around a few groups that share a pool's cap, invented from a seed: the time,
// the children, the visitors and the operators. The same seed is always the same history.
type world struct {
	rand      *rand.Rand
	start     time.Time
	now       time.Time
	agenda    agenda
	slots     slots[*simGroup]
	groups    []*simGroup
	pids      int
	owes      int         // slots by which a changed min may be short
	asking    bool        // the groups are asked for room now and then
	calm      bool        // no more mischief: what can work does
	front     *simFront   // that owns the groups
	olds      []*simFront // that have yielded
	upgrading bool        // now
	held      bool        // what old fronts have lent is not known yet
	kill      *kill       // when this one is killed; nil = nobody knows
	trace     io.Writer   // nil = none
	seen      map[string]int
	what      string // is happening now
}

// A violation is an invariant that does not hold.
type violation string

func (w *world) fail(format string, args ...any) {
	panic(violation(fmt.Sprintf("at %v, %s: ", w.now.Sub(w.start), w.what) + fmt.Sprintf(format, args...)))
}

func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.3f  %s\n", w.now.Sub(w.start).Seconds(), fmt.Sprintf(format, args...))
	}
}

// name is what something is called, in full only if somebody reads it.
func (w *world) name(format string, args ...any) string {
	if w.trace == nil {
		return format
	}
	return fmt.Sprintf(format, args...)
}

func newWorld(seed uint64, trace io.Writer) *world {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{rand: rand.New(rand.NewPCG(seed, 7)), start: start, now: start, trace: trace, seen: map[string]int{}, what: "the beginning", front: newSimFront()}
	w.slots = newSlots[*simGroup](0)
	many := 2
	if w.chance(10) {
		many += w.rand.IntN(5)
	}
	least, rests := 0, false
	for i := range many {
		w.groups = append(w.groups, newSimGroup(w, i))
		least += w.groups[i].state.app.MinProcesses
		rests = rests || w.groups[i].state.app.MinProcesses == 0
	}
	if rests {
		least++ // or those which rest could never run
	}
	if w.chance(50) {
		w.slots.limit = least + w.rand.IntN(4)
	}
	w.tell("cap %d", w.slots.limit)
	return w
}

// chance is true so many times in a hundred.
func (w *world) chance(percent int) bool { return w.rand.IntN(100) < percent }

// between returns a span from low to high, short ones more often.
func (w *world) between(low, high time.Duration) time.Duration {
	f := w.rand.Float64()
	return low + time.Duration(f*f*float64(high-low))
}

// after puts something on the agenda.
func (w *world) after(d time.Duration, do func()) { w.agenda.add(w.now.Add(d), do) }

// during puts something on the agenda that ends with the front.
func (w *world) during(d time.Duration, do func()) {
	front := w.front
	w.after(d, func() {
		if w.front == front && !front.dead {
			do()
		}
	})
}

// runUntil plays what happens until a moment, or until enough is true.
func (w *world) runUntil(end time.Time, enough func() bool) bool {
	for !enough() {
		timer, at := w.next()
		if at.IsZero() || at.After(end) {
			w.now = end
			return false
		}
		w.now = at
		happens := (*simGroup).timerFires
		if timer == nil {
			do := w.agenda.pop()
			happens = func(*simGroup) { do() }
		}
		if w.isKilledBy(func() { happens(timer) }) {
			w.nextFront()
		}
	}
	return true
}

// next returns when something happens next, and whose timer that is, if it is one; zero = nothing.
func (w *world) next() (timer *simGroup, at time.Time) {
	at = w.agenda.first()
	for _, g := range w.groups {
		if !g.alarm.IsZero() && (at.IsZero() || g.alarm.Before(at)) {
			timer, at = g, g.alarm
		}
	}
	return timer, at
}

// makeRoom is what the pool does once, and again after a while as long as somebody waits.
func (w *world) makeRoom() {
	if w.held {
		return
	}
	if w.asking = len(w.slots.waiting) > 0; !w.asking {
		return
	}
	w.during(roomTick, w.makeRoom)
	var offers []offer[*simGroup]
	for _, g := range w.groups {
		if idle, load, ok := g.state.offer(w.now); ok {
			offers = append(offers, offer[*simGroup]{g, idle, load})
		}
	}
	for _, d := range w.slots.deals(offers) {
		yielded := false
		d.from.event("is asked for room", func(now time.Time) { yielded = d.from.state.makeWay(now, d.need) })
		if !yielded {
			w.slots.broken(d)
		}
	}
}
