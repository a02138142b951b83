package main

import (
	"testing"
	"time"
)

// kill $(pidof purser), timeout(1) and npm send a signal to stop to more than one process of a group, and
// so twice to purser.
func TestTwoSignalsAtOnceAreOne(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{time.Millisecond, false}, {99 * time.Millisecond, false}, {101 * time.Millisecond, true}, {time.Hour, true}} {
		var s stopSignals
		if s.another(start) {
			t.Error("the first signal is a second one")
		}
		if got := s.another(start.Add(c.after)); got != c.want {
			t.Errorf("another one after %v is a second one: %v", c.after, got)
		}
	}
}
