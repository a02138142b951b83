package serve

import (
	"context"
	"fmt"
	"syscall"
	"testing"
)

// TestAReadingWaitsForAKeeperThatIsBusy: an upgrade has it renewed, which takes a moment after the new binary serves.
func TestAReadingWaitsForAKeeperThatIsBusy(t *testing.T) {
	says := []error{syscall.EAGAIN, syscall.EBUSY, nil}
	asked := 0
	err := whileBusy(t.Context(), func(context.Context) error {
		asked++
		if said := says[asked-1]; said != nil {
			return fmt.Errorf("cannot have the configuration read: %w", said)
		}
		return nil
	})
	if err != nil || asked != len(says) {
		t.Errorf("asked %d times: %v", asked, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := whileBusy(ended, func(context.Context) error { return syscall.EAGAIN }); err == nil {
		t.Error("who waits no longer is told nothing")
	}
}
