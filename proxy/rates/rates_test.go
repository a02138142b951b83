package rates

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// start is when the tests' clock begins.
const start = int64(time.Hour)

func perSecond(n, burst int) Rate { return Rate{Count: n, Per: time.Second, Burst: burst} }

func TestBurstMayComeAtOnceAndThenOneForEachGap(t *testing.T) {
	table, key, now := NewTable(perSecond(10, 3)), []byte("a"), start
	for i := range 3 {
		if v := table.Take(key, now); !v.OK {
			t.Fatalf("number %d of the burst is refused", i+1)
		}
	}
	v := table.Take(key, now)
	if v.OK || v.Again != 100*time.Millisecond {
		t.Fatalf("after the burst: %+v", v)
	}
	if v = table.Take(key, now+int64(v.Again)-1); v.OK || v.Again != 1 {
		t.Errorf("a nanosecond too soon: %+v", v)
	}
	if v = table.Take(key, now+int64(100*time.Millisecond)); !v.OK {
		t.Errorf("when it may come again: %+v", v)
	}
	now += int64(time.Minute)
	for range 3 {
		if !table.Take(key, now).OK {
			t.Error("the burst did not come back")
		}
	}
	if table.Take(key, now).OK {
		t.Error("more than the burst came back")
	}
}

func TestOverAnyTimeNoMoreComesThanTheRateAndTheBurst(t *testing.T) {
	table, taken := NewTable(Rate{Count: 100, Per: time.Minute, Burst: 5}), 0
	for now := start; now < start+int64(10*time.Minute); now += int64(37 * time.Millisecond) {
		if table.Take([]byte("a"), now).OK {
			taken++
		}
	}
	if taken < 1000 || taken > 1005 {
		t.Errorf("%d came in ten minutes, of 100 a minute and 5 at once", taken)
	}
}

// Who is refused does not wait longer for having tried.
func TestTriesThatAreRefusedAreNotCounted(t *testing.T) {
	table := NewTable(perSecond(1, 1))
	table.Take([]byte("a"), start)
	for range 1000 {
		table.Take([]byte("a"), start+1)
	}
	if v := table.Take([]byte("a"), start+int64(time.Second)); !v.OK {
		t.Errorf("a second later: %+v", v)
	}
}

func TestWhatIsReturnedWasNotCounted(t *testing.T) {
	table, key := NewTable(perSecond(1, 3)), []byte("a")
	for range 1000 {
		table.Take(key, start)
		table.Return(key)
	}
	for i := range 4 {
		if ok := table.Take(key, start).OK; ok != (i < 3) {
			t.Errorf("number %d of the burst: %v", i+1, ok)
		}
	}
	table.Return([]byte("b")) // who is not known
	if !table.Take([]byte("b"), start).OK {
		t.Error("b is refused")
	}
}

func TestKeysAreCountedApart(t *testing.T) {
	table := NewTable(perSecond(1, 1))
	if !table.Take([]byte("a"), start).OK || !table.Take([]byte("b"), start).OK {
		t.Error("one was refused for another")
	}
	if table.Take([]byte("a"), start).OK || table.Take([]byte("b"), start).OK {
		t.Error("one came twice")
	}
}

func key(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// An attacker with a million keys costs no memory. Who is at its limit is known as long as others come that are not:
// they were due before.
func TestWhoIsAtItsLimitIsRememberedAmongAMillionOthers(t *testing.T) {
	table := NewTable(Rate{Count: 5, Per: time.Minute, Burst: 5})
	for table.Take([]byte("eager"), start).OK {
	}
	for i := range 1_000_000 {
		if !table.Take(key(i), start).OK {
			t.Fatalf("number %d was refused, and comes for the first time", i)
		}
	}
	if table.Take([]byte("eager"), start).OK {
		t.Error("it was forgotten")
	}
	if Memory > 2<<20 {
		t.Errorf("a table takes %d bytes", Memory)
	}
}

func TestKeysAreCountedRightlyFromAllSides(t *testing.T) {
	const keys, each = 50, 20
	table, taken := NewTable(perSecond(1, each)), [keys]atomic.Int32{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range keys * each {
				if table.Take(key(i%keys), start).OK {
					taken[i%keys].Add(1)
				}
			}
		})
	}
	all.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != each {
			t.Errorf("key %d came %d times, not %d", i, n, each)
		}
	}
}

func TestTakingAllocatesNothing(t *testing.T) {
	table, k := NewTable(perSecond(10, 10)), key(1)
	if n := testing.AllocsPerRun(100, func() { table.Take(k, start) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	table := NewTable(perSecond(1_000_000, 1_000_000))
	b.RunParallel(func(pb *testing.PB) {
		k := make([]byte, 16)
		for now := start; pb.Next(); now += 1000 {
			binary.BigEndian.PutUint64(k, uint64(now)%4096)
			table.Take(k, now)
		}
	})
}
