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
func openToll(held *holdings) (t toll, lost int64) {
	t = toll{new(atomic.Int64), new(atomic.Int64)}
	file := held.take(heldToll)
	if file == nil {
		file = newToll(held)
	}
	if file == nil {
		return t, 0
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, tollSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return t, 0
	}
	t = toll{(*atomic.Int64)(unsafe.Pointer(&memory[0])), (*atomic.Int64)(unsafe.Pointer(&memory[8]))}
	lost = t.underWay.Swap(0)
	t.lost.Add(lost)
	return t, lost
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
