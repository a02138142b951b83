package serve

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A toll counts what the crash of a front has cost, in memory that outlives it. Each front has one of its own, which
// begins with what those of the fronts before had lost.
type toll struct {
	underWay *atomic.Int64 // requests that are being served
	waiting  *atomic.Int64 // lines of logs that are not written yet
	lost     cost          // with fronts that have crashed
}

// A cost is what is lost with a front.
type cost struct{ requests, lines *atomic.Int64 }

const (
	heldToll = "toll"
	tollSize = 32
)

// openToll makes the toll of this front, whose number has to be told to those who count, and returns that of the front
// before, if there was one. Where the system has no memory of that kind, nothing is known of what a crash costs.
func openToll(held *holdings) (t toll, before *toll) {
	if file := held.take(heldToll); file != nil {
		before = mapToll(file)
		file.Close()
	}
	t = newToll(held)
	if before != nil {
		t.lost.requests.Store(before.lost.requests.Load())
		t.lost.lines.Store(before.lost.lines.Load())
	}
	return t, before
}

// charge counts as lost what a front had under way that has crashed, and returns how much that is.
func (t *toll) charge(crashed *toll) (requests, lines int64) {
	if crashed == nil {
		return 0, 0
	}
	requests, lines = crashed.underWay.Swap(0), crashed.waiting.Swap(0)
	t.lost.requests.Add(requests)
	t.lost.lines.Add(lines)
	return requests, lines
}

// newToll is held for the front that follows. If it cannot be, it counts for this one alone.
func newToll(held *holdings) toll {
	if fd, err := unix.MemfdCreate(heldToll, unix.MFD_CLOEXEC); err == nil {
		file := os.NewFile(uintptr(fd), heldToll)
		defer file.Close()
		if t := mapToll(file); t != nil && held.hold(heldToll, file) == nil {
			return *t
		}
	}
	return tollIn(&[tollSize / 8]atomic.Int64{})
}

// mapToll is the toll in a file, which is made as long as that is; nil = it cannot be had.
func mapToll(file *os.File) *toll {
	if file.Truncate(tollSize) != nil {
		return nil
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, tollSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	t := tollIn((*[tollSize / 8]atomic.Int64)(unsafe.Pointer(&memory[0])))
	return &t
}

func tollIn(memory *[tollSize / 8]atomic.Int64) toll {
	return toll{underWay: &memory[0], lost: cost{requests: &memory[1], lines: &memory[3]}, waiting: &memory[2]}
}
