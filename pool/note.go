package pool

import (
	"slices"
	"time"
)

// A Note is all that has to be known of a group to go on where it was, if the purser that owns it is killed: which
// code it is to run and has run, the restarts, and how far each process is. It is taken between two events, so
// that it is whole.
//
// What is not in it is not missed for long: the requests, who hangs, and how long somebody was not used. What
// requests did to a process or to a generation (how many it had, how they were answered) is as it was when
// something else changed last, or when the group yielded.
type Note struct {
	Version     int                `json:"version"`
	At          time.Time          `json:"at"` // when it was taken: the times of its processes count from here
	Generations []*notedGeneration `json:"generations"`
	Wanted      ref                `json:"wanted"`
	Good        ref                `json:"good,omitempty"`
	Past        []ref              `json:"past,omitempty"`
	KeepUntil   time.Time          `json:"keep_until,omitzero"`
	Withdrawn   int                `json:"withdrawn,omitempty"`
	Spare       int                `json:"spare"`
	Spawned     int                `json:"spawned"`
	Processed   uint64             `json:"processed,omitempty"`
	Surplus     int                `json:"surplus,omitempty"` // processes beside the slots of the pool
	Closed      bool               `json:"closed,omitempty"`
	Stopped     bool               `json:"stopped,omitempty"`
	Paused      bool               `json:"paused,omitempty"`
	Impatient   time.Time          `json:"impatient,omitzero"`
	Restarts    []notedRestart     `json:"restarts,omitempty"`
	Next        *notedFollowUp     `json:"next,omitempty"`
	Processes   []notedProcess     `json:"processes,omitempty"`
	Indexes     []int              `json:"indexes,omitempty"` // of those; pursers before this one had none
	Roles       []notedRole        `json:"roles,omitempty"`
}

// noteVersion changes with what a note means. One of another version is not understood.
const noteVersion = 1

// A ref is a generation by its place in the note, counted from 1; 0 is none. Its number does not do: a restart that
// was joined has given its number to another release.
type ref int

type notedGeneration struct {
	Number   int       `json:"number"`
	Release  Release   `json:"release"`
	Config   int       `json:"config,omitempty"`
	Code     ref       `json:"code,omitempty"`
	Standing string    `json:"standing,omitempty"`
	Insisted bool      `json:"insisted,omitempty"`
	Served   int       `json:"served,omitempty"`
	Answered int       `json:"answered,omitempty"`
	Erred    int       `json:"erred,omitempty"`
	Crashes  int       `json:"crashes,omitempty"`
	Failures int       `json:"failures,omitempty"`
	Failure  *Failure  `json:"failure,omitempty"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
}

type notedRestart struct {
	ID          string       `json:"id"`
	Generation  ref          `json:"generation"`
	From        ref          `json:"from,omitempty"`
	Served      ref          `json:"served,omitempty"`
	Strategy    string       `json:"strategy"`
	Asked       string       `json:"asked,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	By          string       `json:"by,omitempty"`
	Had         int          `json:"had"`
	Total       int          `json:"total"`
	Surge       int          `json:"surge,omitempty"`
	Unavailable int          `json:"unavailable,omitempty"`
	Spare       int          `json:"spare,omitempty"`
	Canary      int          `json:"canary,omitempty"`
	Halted      bool         `json:"halted,omitempty"`
	Started     time.Time    `json:"started"`
	QuietAt     time.Time    `json:"quiet_at,omitzero"`
	Switched    time.Time    `json:"switched,omitzero"`
	Probation   time.Time    `json:"probation,omitzero"`
	State       RestartState `json:"state"`
	Ended       time.Time    `json:"ended,omitzero"`
	Recovers    bool         `json:"recovers,omitempty"`
	Replaced    int          `json:"replaced,omitempty"`
	Steps       notedSteps   `json:"steps,omitempty"`
	Failure     *Failure     `json:"failure,omitempty"`
}

type notedFollowUp struct {
	Request RestartRequest `json:"request"`
	Record  notedRestart   `json:"record"`
}

// A notedProcess is one process. There may be a thousand, so that it is a line of text.
type notedProcess struct {
	number, failures int
	generation       ref
	state            State
	stage            stage
	booted           bool // its spawn had returned
	told             bool // it was asked to exit
	replaces         bool
	replaced         bool
	outside          bool
	began, since     time.Duration // before the note was taken
	left             time.Duration // likewise, if it was let go
	lent, limit      uint64
}

// noteOf takes the note of a group. The pool knows how many of its processes are surplus.
func noteOf(g *groupState, now time.Time, surplus int) Note {
	b := &book{yielded: g.borrows != nil}
	n := Note{Version: noteVersion, At: now, Wanted: b.ref(g.wanted), Good: b.ref(g.good), KeepUntil: g.keepUntil, Withdrawn: g.withdrawn,
		Spare: g.spare, Spawned: g.spawned, Processed: g.processed, Surplus: surplus, Closed: g.closed, Stopped: g.stopped, Paused: g.paused, Impatient: g.impatient}
	for _, older := range g.past {
		n.Past = append(n.Past, b.ref(older))
	}
	n.Restarts = make([]notedRestart, 0, len(g.restarts))
	for _, r := range g.restarts {
		n.Restarts = append(n.Restarts, b.restart(r))
	}
	if f := g.next; f != nil {
		n.Next = &notedFollowUp{f.request, b.restart(f.record)}
	}
	n.Processes = make([]notedProcess, 0, len(g.procs))
	for _, p := range g.procs {
		n.Processes = append(n.Processes, b.process(now, p))
		n.Indexes = append(n.Indexes, p.index)
	}
	for _, r := range g.roles {
		n.Roles = append(n.Roles, b.role(now, r))
	}
	n.Generations = b.generations
	return n
}

// indexOf is the index of p, which is noted as the i-th. Where none were noted it is one that is free.
func indexOf(noted []int, i int, p *Process, others []*Process) int {
	if i < len(noted) {
		return noted[i]
	}
	return freeIndex(others, p.generation)
}

// A book is the generations of a note that is being taken.
type book struct {
	generations []*notedGeneration
	known       []*generation // likewise: there are few
	yielded     bool          // what is under way is told to the next owner, which counts it then
}

// ref is where n stands in the note, and puts it there if it is new.
func (b *book) ref(n *generation) ref {
	if n == nil {
		return 0
	}
	if at := slices.Index(b.known, n); at >= 0 {
		return ref(at + 1)
	}
	noted := &notedGeneration{Number: n.number, Release: n.release, Config: n.config, Standing: standings[n.standing], Insisted: n.insisted,
		Served: n.served, Answered: n.tally.answered, Erred: n.tally.erred, Crashes: n.crashes, Failures: n.failures, Failure: n.failure, RetryAt: n.retryAt}
	b.generations = append(b.generations, noted)
	b.known = append(b.known, n)
	at := ref(len(b.generations))
	noted.Code = b.ref(n.code)
	return at
}

// standings are how a note names them, whatever their numbers become.
var standings = [...]string{untried: "", working: "working", failing: "failing", rejected: "rejected", takenBack: "taken-back"}

func (b *book) restart(r *restart) notedRestart {
	return notedRestart{ID: r.id, Generation: b.ref(r.generation), From: b.ref(r.from), Served: b.ref(r.served),
		Strategy: r.strategy, Asked: r.asked, Reason: r.reason, By: r.by,
		Had: r.had, Total: r.total, Surge: r.surge, Unavailable: r.unavailable, Spare: r.spare, Canary: r.canary, Halted: r.halted,
		Started: r.started, QuietAt: r.quietAt, Switched: r.switched, Probation: r.probation,
		State: r.state, Ended: r.ended, Recovers: r.recovers, Replaced: r.replaced, Steps: r.steps, Failure: r.failure}
}

func (b *book) process(now time.Time, p *Process) notedProcess {
	n := notedProcess{number: p.number, failures: p.failures, generation: b.ref(p.generation), state: p.state, stage: p.stage,
		booted: p.child != nil && !p.cut, told: p.asked.Load(), replaces: p.replaces, replaced: p.replaced, outside: p.outside,
		began: now.Sub(p.began), since: now.Sub(p.since), lent: p.lent, limit: p.limit}
	if b.yielded {
		n.lent = p.processed()
	}
	if p.state > Ready {
		n.left = now.Sub(p.left)
	}
	return n
}

// Configs are the configurations that something lives of, or may be spawned of, as Group.Configs has it.
func (n *Note) Configs() map[int]bool {
	used := map[int]bool{}
	note := func(at ref) {
		if at > 0 {
			used[n.Generations[at-1].Config] = true
		}
	}
	note(n.Wanted)
	note(n.Good)
	for _, at := range n.Past {
		note(at)
	}
	for _, p := range n.Processes {
		note(p.generation)
	}
	for _, r := range n.Roles {
		note(r.Of)
		for _, p := range r.Processes {
			note(p.generation)
		}
	}
	if n.Next != nil {
		used[n.Next.Request.Config] = true
	}
	return used
}
