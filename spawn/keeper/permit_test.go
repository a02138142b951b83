package keeper

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// The name becomes part of the environment of a process of root's.
func TestAReaderIsToldOnlyWhatMayBeTheNameOfAnApp(t *testing.T) {
	for name, may := range map[string]bool{"": true, "blog": true, "blog.example-1_a": true, "a/b": false, "a=b": false, "a b": false, "a\nLD_PRELOAD=x": false, "a\x00": false, strings.Repeat("a", 65): false} {
		k := &keeping{granted: granted{confined: true}, program: []int{0}}
		if err := k.mayRead(name); (err == nil) != may {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A reload has begun as an upgrade is under way. Who serves yields only when the reload is done, so it must not wait for
// the upgrade's end.
func TestAReadingWaitsOnlyWhileTheKeeperIsRenewed(t *testing.T) {
	for phase, waits := range map[phase]bool{
		quiet: false, queued: true, trying: true, preparing: false, yielding: false, withdrawing: false, alone: false, taking: true,
	} {
		k := &keeping{granted: granted{confined: true}, program: []int{0}, upgrade: upgrade{phase: phase}}
		if err := k.mayRead(""); errors.Is(err, syscall.EAGAIN) != waits || !waits && err != nil {
			t.Errorf("in phase %d: %v", phase, err)
		}
	}
}
