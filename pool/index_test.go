package pool

import (
	"fmt"
	"slices"
	"testing"
)

// have says which index each of some processes has.
func (s *story) have(want map[int]int) {
	s.t.Helper()
	for number, index := range want {
		if got := s.procs[number].index; got != index {
			s.t.Errorf("process %d has the index %d, want %d", number, got, index)
		}
	}
}

func TestWhoTakesThePlaceOfAProcessHasItsIndex(t *testing.T) {
	s := upWithWorkers(t)
	s.have(map[int]int{1: 0, 2: 1, 3: 0, 4: 1, 5: 0})
	s.exits(1)
	s.have(map[int]int{6: 0})
	s.passes(youth)
	s.exits(4)
	s.have(map[int]int{7: 1})
}

// The old and the new live beside each other for a while, as do one that ends what it has and the one in its place.
func TestTheProcessesOfAGenerationHaveTheIndexesBelowTheirNumber(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.have(map[int]int{6: 0, 7: 1})
	s.exits(3, 4, 5)
	s.have(map[int]int{8: 0, 9: 1, 10: 0})
	s.state.recycle(s.now, s.procs[6], "detached by an operator")
	s.have(map[int]int{11: 0})
}

func TestTheNextPurserKnowsTheIndexes(t *testing.T) {
	s := upWithWorkers(t)
	s.exits(1)
	s.boots(6)
	s.goesOn()
	s.have(map[int]int{2: 1, 6: 0, 3: 0, 4: 1, 5: 0})
}

// One before it did not note them.
func TestProcessesOfAPurserWithoutIndexesAreGivenSome(t *testing.T) {
	var all []*Process
	for i := range 3 {
		p := &Process{}
		p.index = indexOf(nil, i, p, all)
		all = append(all, p)
	}
	indexes := slices.Collect(func(yield func(int) bool) {
		for _, p := range all {
			yield(p.index)
		}
	})
	got(t, "the indexes", fmt.Sprint(indexes), "[0 1 2]")
}

// checkIndex: a process that is spawned takes no index of one that is to stay, and none above their number.
func (g *simGroup) checkIndex(p *Process, others []*Process) {
	stay := 0
	for _, other := range others {
		if other == p || other.generation != p.generation || other.state > Ready || other.worn() {
			continue
		}
		if stay++; other.index == p.index {
			g.fail("process %d has the index %d of process %d", p.number, p.index, other.number)
		}
	}
	if p.index > stay {
		g.fail("process %d has the index %d beside %d others", p.number, p.index, stay)
	}
}
