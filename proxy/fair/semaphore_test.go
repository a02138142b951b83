package fair

import (
	"slices"
	"sync"
	"testing"
)

func TestFlowsComeOneAfterTheOther(t *testing.T) {
	s := NewSemaphore(1)
	greedy, other, third := Flow{1}, Flow{2}, Flow{3}
	s.Acquire(greedy)
	turns := map[string]<-chan struct{}{}
	for _, who := range []struct {
		name string
		flow Flow
	}{{"greedy 1", greedy}, {"greedy 2", greedy}, {"greedy 3", greedy}, {"other", other}, {"third 1", third}, {"third 2", third}} {
		if turns[who.name] = s.ask(who.flow); turns[who.name] == nil {
			t.Fatalf("%s need not wait", who.name)
		}
	}
	var order []string
	for range len(turns) {
		s.Release()
		for name, turn := range turns {
			select {
			case <-turn:
				order = append(order, name)
				delete(turns, name)
			default:
			}
		}
	}
	if want := []string{"greedy 1", "other", "third 1", "greedy 2", "third 2", "greedy 3"}; !slices.Equal(order, want) {
		t.Errorf("they came as %v, want %v", order, want)
	}
	s.Release()
	if s.left != 1 || len(s.lines) > 0 || len(s.next) > 0 {
		t.Errorf("%d may go on, and there are %d lines", s.left, len(s.lines))
	}
}

func TestSoManyGoOnAtATime(t *testing.T) {
	const most = 3
	s := NewSemaphore(most)
	var mu sync.Mutex
	var now, seen int
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		now += n
		seen = max(seen, now)
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			for range 100 {
				s.Acquire(Flow{byte(i % 7)})
				count(1)
				count(-1)
				s.Release()
			}
		})
	}
	all.Wait()
	if seen > most {
		t.Errorf("%d went on at a time", seen)
	}
	if s.left != most || len(s.lines) > 0 {
		t.Errorf("%d may go on, and there are %d lines", s.left, len(s.lines))
	}
}
