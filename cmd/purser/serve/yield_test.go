package serve

import (
	"context"
	"testing"
)

// TestNobodyWaitsForAYieldThatWasWithdrawn: the new binary may die while a restart is being prepared, and a reload waits
// for its turn meanwhile.
func TestNobodyWaitsForAYieldThatWasWithdrawn(t *testing.T) {
	withdrawn := make(chan struct{})
	limit, end := whileWanted(t.Context(), withdrawn)
	defer end()
	if limit.Err() != nil {
		t.Error("it has ended at once")
	}
	close(withdrawn)
	<-limit.Done()
	if limit.Err() != context.Canceled {
		t.Errorf("it went on until %v", limit.Err())
	}
}
