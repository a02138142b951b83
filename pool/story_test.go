package pool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A story plays events to one groupState, by the numbers of its processes, and says what came of
// them. Nothing happens in it but what the test has happen, and time passes only when it says so.
type story struct {
	t      *testing.T
	state  groupState
	now    time.Time
	slots  slots[*story]
	procs  map[int]*Process
	did    []string // what the group did to its processes since did was last asked
	notes  []string // what it logged
	ends   []RestartSnapshot
	events []Event
	begs   int
	overs  []int // numbers of the generations that are over
	traces bool  // its processes can say where they hang
}

// tell begins a story. The app has min 2, max 4 and a concurrency of 1, unless change says otherwise.
func tell(t *testing.T, change ...func(*conf.App)) *story {
	s := newStory(t, change...)
	s.state.settle(s.now)
	return s
}

func newStory(t *testing.T, change ...func(*conf.App)) *story {
	app := conf.App{
		Name: "blog", Root: "/www/blog", Kind: "command", Environment: "production",
		MinProcesses: 2, MaxProcesses: 4, Concurrency: 1,
		DrainTimeout: time.Minute, WebsocketDrainTimeout: 5 * time.Minute, StopTimeout: 30 * time.Second,
		Restart: conf.Restart{Surge: conf.Amount{Count: 1}, ResistDeploymentErrors: true, MaxOldGenerations: 2, SwitchTimeout: time.Second},
	}
	for _, f := range change {
		f(&app)
	}
	s := &story{t: t, procs: map[int]*Process{}, slots: newSlots[*story](0)}
	s.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s.slots.reserve(s, app.MinProcesses)
	s.state = newGroupState(app, Release{Path: "/r1"}, s, rand.New(rand.NewPCG(1, 2)))
	return s
}

// The driver.

func (s *story) claim(n need, surge int) bool { return s.slots.claim(s, n, surge) }
func (s *story) wait(n need, promised bool) {
	s.slots.wait(s, n, promised)
	if s.slots.wanting() {
		s.begs++
	}
}
func (s *story) leave()         { s.slots.leave(s) }
func (s *story) release()       { s.slots.release(s) }
func (s *story) answer(*waiter) {}
func (s *story) moved()         {}

func (s *story) over(n *generation) { s.overs = append(s.overs, n.number) }

func (s *story) happened(e Event) {
	s.events = append(s.events, e)
	if r, ok := s.state.restartOf(e); ok {
		s.ends = append(s.ends, r)
	}
}

// restartOf returns the restart that has ended if e tells of that.
func (g *groupState) restartOf(e Event) (s RestartSnapshot, ended bool) {
	for _, r := range g.restarts {
		if e.Kind == "restart" && r.id == e.Restart && e.What == string(r.state) && r.state != RestartRunning {
			return g.restartSnapshot(r), true
		}
	}
	return s, false
}

func (s *story) spawn(p *Process) {
	s.procs[p.number] = p
	s.did = append(s.did, fmt.Sprintf("spawn %d of %s", p.number, p.generation.release.Path))
}
func (s *story) trace(p *Process) bool {
	if s.traces {
		s.did = append(s.did, fmt.Sprintf("trace %d", p.number))
	}
	return s.traces
}
func (s *story) abort(p *Process) { s.did = append(s.did, fmt.Sprintf("abort %d", p.number)) }
func (s *story) stop(p *Process) {
	p.asked.Store(true)
	s.did = append(s.did, fmt.Sprintf("stop %d", p.number))
}
func (s *story) refork(p *Process) {
	p.asked.Store(true)
	s.did = append(s.did, fmt.Sprintf("refork %d", p.number))
}
func (s *story) kill(p *Process) { s.did = append(s.did, fmt.Sprintf("kill %d", p.number)) }

func (s *story) note(_ hclog.Level, message string, _ ...any) { s.notes = append(s.notes, message) }

// What happens.

func (s *story) boots(numbers ...int) {
	for _, n := range numbers {
		s.state.booted(s.now, s.procs[n], simChild{100 + n})
	}
}

func (s *story) exits(numbers ...int) {
	for _, n := range numbers {
		s.state.exited(s.now, s.procs[n], errors.New("exited with status 1"))
	}
}

// passes lets time pass, with the timer going off as Group has it.
func (s *story) passes(span time.Duration) {
	for end := s.now.Add(span); ; {
		next := s.state.deadline(s.now)
		if next.IsZero() || next.After(end) {
			s.now = end
			return
		}
		s.now = next
		s.state.settle(s.now)
	}
}

// asks is a request: it returns what was lent to it at once, or that it waits.
func (s *story) asks() *waiter {
	s.t.Helper()
	return s.asksFor(Wish{})
}

// asksFor is a request with a wish.
func (s *story) asksFor(wish Wish) *waiter {
	s.t.Helper()
	if p := s.state.lend(wish); p != nil {
		return &waiter{proc: p}
	}
	w := &waiter{wish: wish}
	w.err = s.state.acquire(s.now, w)
	return w
}

// asked is several requests.
func (s *story) asked(times int) (all []*waiter) {
	for range times {
		all = append(all, s.asks())
	}
	return all
}

func (s *story) done(w *waiter) {
	if s.state.giveBack(w.proc, Worked) {
		s.state.released(s.now, w.proc)
	}
}

// uses has every ready process serve a request, so that its death would be a mature one.
func (s *story) uses() {
	for _, p := range s.state.procs {
		if p.state == Ready {
			p.lent++
		}
	}
}

func (s *story) restarts(path string, settle ...time.Duration) *restart {
	req := RestartRequest{Release: Release{Path: path}, Strategy: "rolling"}
	if len(settle) > 0 {
		req.Settle = settle[0]
	}
	return s.state.restart(s.now, fmt.Sprint("r-", path), req)
}

// What came of it.

// are says what the processes are, like "1 ready, 2 draining, 3 spawning g2"; generation 1 goes
// without saying.
func (s *story) are(want string) {
	s.t.Helper()
	var all []string
	for _, p := range s.state.procs {
		one := fmt.Sprintf("%d %v", p.number, p.state)
		if p.generation.number != 1 {
			one += fmt.Sprintf(" g%d", p.generation.number)
		}
		all = append(all, one)
	}
	if got := strings.Join(all, ", "); got != want {
		s.t.Fatalf("the processes are: %s\nand should be:     %s", got, want)
	}
}

// has says what the group did since this was last asked.
func (s *story) has(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.did, want) {
		s.t.Fatalf("the group did %q, it should have done %q", s.did, want)
	}
	s.did = nil
}

func (s *story) isIn(want Condition) {
	s.t.Helper()
	if got := snapshotOf(&s.state, s.now).Condition; got != want {
		s.t.Fatalf("the condition is %s, it should be %s", got, want)
	}
}

func (s *story) noted(message string) int {
	return len(slices.DeleteFunc(slices.Clone(s.notes), func(m string) bool { return m != message }))
}

func got[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %v, it should be %v", what, got, want)
	}
}

// steps returns what a restart did, like "requested, spawning 0 g2, ready 103 g2".
func steps(r *restart) string {
	var all []string
	for _, step := range r.steps {
		one := step.What
		if one == "spawning" || step.PID != 0 {
			one += fmt.Sprintf(" %d g%d", step.PID, step.Generation)
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}
