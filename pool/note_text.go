package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// This file is a note as text, which whoever keeps it does not look into.

const (
	mostNoted  = 64<<10 - 1 // bytes of a note
	lastSteps  = 500        // steps of the restart that runs, or ran last
	olderSteps = 50         // of each before
	fewSteps   = 20         // of any, where there is no room for more
	mostWords  = 500        // bytes of a reason, likewise
)

// Text is the note as ReadNote reads it, less than 64 KiB. Where it would be more, restarts that have ended are left
// out, the oldest first, and then what is only for people: steps, and what processes printed. The zero Note is the
// empty text.
func (n Note) Text() []byte {
	if n.Version == 0 {
		return nil
	}
	n.Restarts = slices.Clone(n.Restarts)
	for i := range n.Restarts {
		kept := olderSteps
		if i == len(n.Restarts)-1 {
			kept = lastSteps
		}
		n.Restarts[i].Steps = n.Restarts[i].Steps.cut(kept)
	}
	text := n.marshal()
	for _, shorten := range []func(*Note){(*Note).dropOldHalf, (*Note).dropOld, (*Note).cutWords, (*Note).cutCounts} {
		if len(text) <= mostNoted {
			break
		}
		shorten(&n)
		n.dropUnused()
		text = n.marshal()
	}
	return text
}

func (n *Note) marshal() []byte {
	text, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("BUG: cannot write a note: %v", err))
	}
	return text
}

// ReadNote reads what Text has written. What this purser does not understand is an error.
func ReadNote(text []byte) (n Note, err error) {
	if err := json.Unmarshal(text, &n); err != nil {
		return Note{}, fmt.Errorf("cannot read the note of a group: %w", err)
	}
	if n.Version != noteVersion {
		return Note{}, fmt.Errorf("cannot read the note of a group: it is of version %d, not %d", n.Version, noteVersion)
	}
	if err := n.check(); err != nil {
		return Note{}, fmt.Errorf("cannot read the note of a group: %w", err)
	}
	return n, nil
}

// check says why nobody can go on from the note.
func (n *Note) check() error {
	for _, g := range n.Generations {
		if g != nil && !slices.Contains(standings[:], g.Standing) {
			return fmt.Errorf("%q is no standing", g.Standing)
		}
	}
	if n.Wanted == 0 {
		return errors.New("it wants no generation")
	}
	for _, at := range n.used(true) {
		if at < 0 || int(at) > len(n.Generations) || at > 0 && n.Generations[at-1] == nil {
			return fmt.Errorf("it has no generation %d", at)
		}
	}
	for _, r := range n.all() {
		if r.Generation == 0 {
			return errors.New("a restart has no generation")
		}
	}
	for _, r := range n.Roles {
		if err := n.checkProcesses(r.Processes); err != nil {
			return err
		}
	}
	return n.checkProcesses(n.Processes)
}

func (n *Note) checkProcesses(all []notedProcess) error {
	last := 0
	for _, p := range all {
		if p.generation == 0 || p.number <= last || p.number > n.Spawned {
			return fmt.Errorf("it has no place for process %d", p.number)
		}
		last = p.number
	}
	return nil
}

// all returns the restarts, and what is to follow.
func (n *Note) all() []*notedRestart {
	var all []*notedRestart
	for i := range n.Restarts {
		all = append(all, &n.Restarts[i])
	}
	if n.Next != nil {
		all = append(all, &n.Next.Record)
	}
	return all
}

// used returns where the generations are that anything of the note is of; code says whether that includes those whose
// code another has.
func (n *Note) used(code bool) []ref {
	used := append([]ref{n.Wanted, n.Good}, n.Past...)
	for _, p := range n.Processes {
		used = append(used, p.generation)
	}
	for _, r := range n.Roles {
		used = append(used, r.Of)
		for _, p := range r.Processes {
			used = append(used, p.generation)
		}
	}
	for _, r := range n.all() {
		used = append(used, r.Generation, r.From, r.Served)
	}
	for i, g := range n.Generations {
		if g != nil && (code || slices.Contains(used, ref(i+1))) {
			used = append(used, g.Code)
		}
	}
	return used
}

// dropOldHalf leaves the older half of the restarts out that have ended, and dropOld all of them but the last.
func (n *Note) dropOldHalf() { n.dropRestarts(len(n.Restarts) / 2) }
func (n *Note) dropOld()     { n.dropRestarts(len(n.Restarts) - 1) }

// dropRestarts leaves out so many of the oldest restarts. The one that runs is the last; and how the newest code came
// is asked for as long as it is the newest.
func (n *Note) dropRestarts(oldest int) {
	var kept []notedRestart
	for i, r := range n.Restarts {
		if i >= oldest || r.Generation == n.Wanted {
			kept = append(kept, r)
		}
	}
	n.Restarts = kept
}

// dropUnused forgets the generations that nothing is of any more.
func (n *Note) dropUnused() {
	used := map[ref]bool{}
	for _, at := range n.used(false) {
		used[at] = true
	}
	n.Generations = slices.Clone(n.Generations)
	for i := range n.Generations {
		if !used[ref(i+1)] {
			n.Generations[i] = nil
		}
	}
}

// cutWords shortens what is for people.
func (n *Note) cutWords() {
	if n.Next != nil {
		next := *n.Next
		n.Next = &next
	}
	for _, r := range n.all() {
		r.Steps = r.Steps.cut(fewSteps)
		r.Reason, r.By = first(r.Reason), first(r.By)
		r.Failure = r.Failure.cut()
	}
	n.Roles = slices.Clone(n.Roles)
	for i := range n.Roles {
		n.Roles[i].Failure = n.Roles[i].Failure.cut()
	}
	for i, g := range n.Generations {
		if g != nil && g.Failure != nil {
			shorter := *g
			shorter.Failure = g.Failure.cut()
			n.Generations[i] = &shorter
		}
	}
}

// cut is f without what was printed.
func (f *Failure) cut() *Failure {
	if f == nil {
		return nil
	}
	shorter := *f
	shorter.Reason, shorter.Output = first(f.Reason), nil
	return &shorter
}

func first(words string) string {
	return strings.ToValidUTF8(words[:min(len(words), mostWords)], "")
}

// cutCounts forgets how many requests the processes had, so that each begins to count anew.
func (n *Note) cutCounts() {
	n.Processes = slices.Clone(n.Processes)
	for i := range n.Processes {
		p := &n.Processes[i]
		n.Processed += p.lent
		p.lent, p.limit = 0, 0
	}
}
