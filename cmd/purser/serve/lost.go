package serve

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A toll counts what the crash of a front has cost, in memory that outlives it.
type toll struct {
	underWay *atomic.Int64 // requests that are being served
	lost     *atomic.Int64 // that were, when a front crashed
}

const (
	heldToll = "toll"
	tollSize = 16
)

// openToll takes over the toll of the front before, if there was one, and reports how many requests were lost with it.
// Where the system has no memory of that kind, nothing is known of what a crash costs.
// A front that lives goes on with its own.
func openToll(held *holdings, lives bool) (t toll, lost int64) {
	t = toll{new(atomic.Int64), new(atomic.Int64)}
	before, found := mapToll(held.take(heldToll))
	switch now, made := before, found; {
	case found && !lives:
		lost = before.underWay.Swap(0)
		before.lost.Add(lost)
		return before, lost
	default:
		if now, made = mapToll(newToll(held)); made {
			t = now
		}
	}
	if found {
		t.lost.Store(before.lost.Load())
	}
	return t, 0
}

// mapToll is the toll in a file, which is closed; nil = there is none.
func mapToll(file *os.File) (t toll, found bool) {
	if file == nil {
		return t, false
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, tollSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return t, false
	}
	return toll{(*atomic.Int64)(unsafe.Pointer(&memory[0])), (*atomic.Int64)(unsafe.Pointer(&memory[8]))}, true
}

func newToll(held *holdings) *os.File {
	fd, err := unix.MemfdCreate(heldToll, unix.MFD_CLOEXEC)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), heldToll)
	if file.Truncate(tollSize) != nil || held.hold(heldToll, file) != nil {
		file.Close()
		return nil
	}
	return file
}
