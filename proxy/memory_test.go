package proxy

import (
	"runtime"
	"testing"
	"time"
)

const mib = 1 << 20

func TestMemoryOfABurstIsGivenBackOnceItIsQuiet(t *testing.T) {
	var k memoryKeeper
	if k.look(20*mib, 10*time.Second) || !k.look(20*mib, 10*time.Second+time.Millisecond) {
		t.Error("what the start left is not given back at the first look in a quiet time")
	}
	k = memoryKeeper{kept: 10 * mib}
	for _, look := range []struct {
		when string
		held uint64
		used time.Duration
		give bool
	}{
		{"as always", 12 * mib, 100 * time.Millisecond, false},
		{"in the burst", 500 * mib, 10 * time.Second, false},
		{"after it", 500 * mib, 10100 * time.Millisecond, true},
	} {
		if got := k.look(look.held, look.used); got != look.give {
			t.Errorf("%s: %v, want %v", look.when, got, look.give)
		}
	}
	k.kept, k.ago = 300*mib, 0 // so much is in use for long
	for range memoryAgain - 1 {
		if k.look(400*mib, 10200*time.Millisecond) {
			t.Error("it is collected at each look though there is little to gain")
		}
	}
	if !k.look(400*mib, 10200*time.Millisecond) {
		t.Error("what was in use in a burst counts for ever, though it may be garbage since")
	}
	k.kept, k.ago = 30*mib, memoryAgain
	if k.look(2*memoryIdle, 10200*time.Millisecond) {
		t.Error("little is collected again and again")
	}
	k.kept, k.ago = 300*mib, 0
	if k.look(100*mib, 10300*time.Millisecond); !k.look(300*mib, 10400*time.Millisecond) {
		t.Error("what was in use once counts for ever")
	}
}

var burst [][]byte

func TestReleaseGivesBackWhatIsNotInUse(t *testing.T) {
	for range 100 {
		burst = append(burst, make([]byte, mib))
	}
	before := heapHeld()
	burst = nil
	after := release()
	if before < 100*mib || after > before-90*mib {
		t.Errorf("%d MiB before and %d after", before/mib, after/mib)
	}
	runtime.KeepAlive(burst)
}
