package status

import (
	"testing"

	"purser/pool"
)

func TestHealthIsWhetherVisitorsAreServed(t *testing.T) {
	for _, test := range []struct {
		condition     string
		ready         int
		byName, among bool
	}{
		{"up", 1, true, true}, {"restarting", 1, true, true}, {"resting", 0, true, true},
		{"resisting", 1, true, true}, {"resisting", 0, false, false},
		{"rolled-back", 1, true, true}, {"rolled-back", 0, false, false},
		{"starting", 0, false, false}, {"failed", 0, false, false}, {"hung", 3, false, false}, {"closing", 1, false, false},
	} {
		a := App{GroupSnapshot: pool.GroupSnapshot{Condition: pool.Condition(test.condition)}}
		for range test.ready {
			a.Processes = append(a.Processes, Process{ProcessSnapshot: pool.ProcessSnapshot{State: "ready"}})
		}
		if alone, all := Healthy(a, true), Healthy(a, false); alone != test.byName || all != test.among {
			t.Errorf("%s with %d ready: healthy by name %v, among all %v", test.condition, test.ready, alone, all)
		}
	}
}
