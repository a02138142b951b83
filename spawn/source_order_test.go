package spawn

import "testing"

func TestAForkSourceMakesOnlyProcessesOfItsGeneration(t *testing.T) {
	over, another := make(chan struct{}), make(chan struct{})
	from := &source{Order: Order{Generation: 2, Path: "/r", Over: over}}
	for name, c := range map[string]struct {
		order Order
		want  bool
	}{
		"the next process":            {Order{Generation: 2, Process: 9, Path: "/r", Over: over}, true},
		"one of another generation":   {Order{Generation: 3, Path: "/r", Over: another}, false},
		"one of another release":      {Order{Generation: 2, Path: "/q", Over: over}, false},
		"one of a restart that joins": {Order{Generation: 2, Path: "/r", Over: another}, false}, // as files changed meanwhile
	} {
		if got := from.makes(c.order); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
