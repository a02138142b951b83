package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Where a slot comes free, those that it is for are told, and nobody else: of a thousand that wait, one.
func TestAFreeSlotIsForTheFirstOfAllThatWait(t *testing.T) {
	s := newSlots[int](2)
	for group := range 1000 {
		s.reserve(group, 0)
	}
	s.claim(0, subsistence, 0)
	s.claim(1, subsistence, 0)
	for group := 2; group < 1000; group++ {
		s.wait(group, subsistence, false)
	}
	got(t, "takers while nothing is free", len(s.takers()), 0)
	s.release(0)
	got(t, "takers", fmt.Sprint(s.takers()), "[2]")
	s.wait(2, replacing, false)
	got(t, "takers once the first needs it less", fmt.Sprint(s.takers()), "[3]")
}

// Between the end of a process and the moment when who waits takes its slot, others may be asked once more.
func TestNobodyMakesRoomForWhoHasSome(t *testing.T) {
	s := newSlots[int](2)
	for group := range 4 {
		s.reserve(group, 0)
	}
	s.claim(0, subsistence, 0)
	s.claim(1, subsistence, 0)
	s.wait(2, subsistence, false)
	offers := func() []offer[int] { return []offer[int]{{from: 0}, {from: 1}} }
	got(t, "deals", len(s.deals(offers())), 1)
	s.release(0)
	got(t, "deals for who has a slot to take", len(s.deals(offers()[1:])), 0)
	s.wait(3, subsistence, false)
	got(t, "deals, another waits too", fmt.Sprint(s.deals(offers()[1:])), "[{1 3 3}]")
}

// Between the moment when who waits takes a slot and that when it says what else it wants, others may be asked, too.
func TestNobodyMakesRoomForWhoHasJustTakenSome(t *testing.T) {
	s := newSlots[int](2)
	for group := range 3 {
		s.reserve(group, 0)
	}
	s.claim(0, subsistence, 0)
	s.claim(1, subsistence, 0)
	s.wait(2, subsistence, false)
	got(t, "deals", len(s.deals([]offer[int]{{from: 0}, {from: 1}})), 1)
	s.release(0)
	got(t, "whether it takes the slot", s.claim(2, subsistence, 0), true)
	got(t, "deals for who has taken a slot", len(s.deals([]offer[int]{{from: 1}})), 0)
	s.wait(2, subsistence, false)
	got(t, "deals once it wants another", fmt.Sprint(s.deals([]offer[int]{{from: 1}})), "[{1 2 3}]")
}

func TestADealThatCameToNothingIsMadeAnew(t *testing.T) {
	s := newSlots[int](1)
	for group := range 2 {
		s.reserve(group, 0)
	}
	s.claim(0, subsistence, 0)
	s.wait(1, subsistence, false)
	offers := func() []offer[int] { return []offer[int]{{from: 0}} }
	first := s.deals(offers())
	got(t, "deals", len(first), 1)
	got(t, "deals while the first is under way", len(s.deals(offers())), 0)
	s.broken(first[0])
	got(t, "deals after that", len(s.deals(offers())), 1)
}

func TestWhoIsToldOfRoomIsWhoWouldGetIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := newSlots[int](1 + random.IntN(12))
		for group := range 2 + random.IntN(8) {
			s.reserve(group, 0)
			if s.unheld+2 <= s.limit {
				s.reserve(group, random.IntN(3))
			}
			for range random.IntN(4) {
				s.claim(group, need(1+random.IntN(3)), random.IntN(2))
			}
			if random.IntN(3) > 0 {
				s.wait(group, need(1+random.IntN(3)), false)
			}
		}
		var want []int
		for _, at := range s.waiting {
			if s.room(at.group, at.need) > 0 {
				want = append(want, at.group)
			}
		}
		if takers := s.takers(); !slices.Equal(takers, want) {
			t.Fatalf("told are %v, room is for %v", takers, want)
		}
	}
}
