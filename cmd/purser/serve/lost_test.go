package serve

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"purser/spawn/keeper"
)

// A tollFile is a toll as the keeper holds it.
func tollFile(t *testing.T, size int64) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate(heldToll, unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), heldToll)
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhatACrashHasCostIsCountedOnce(t *testing.T) {
	for name, size := range map[string]int64{"a front of this version": tollSize, "one that knew less": 16} {
		t.Run(name, func(t *testing.T) {
			file := tollFile(t, size)
			crashed := mapToll(file)
			crashed.underWay.Store(3)
			crashed.waiting.Store(40)
			crashed.lost.requests.Store(5)
			crashed.lost.lines.Store(60)
			next, before := openToll(&holdings{keeper: &keeper.Keeper{}, left: map[string]*os.File{heldToll: file}})
			for _, want := range [][2]int64{{3, 40}, {0, 0}} {
				if requests, lines := next.charge(before); requests != want[0] || lines != want[1] {
					t.Errorf("%d requests and %d lines are lost, want %v", requests, lines, want)
				}
			}
			if requests, lines := next.lost.requests.Load(), next.lost.lines.Load(); requests != 8 || lines != 100 {
				t.Errorf("in all %d requests and %d lines are lost, want 8 and 100", requests, lines)
			}
			if next.underWay.Load() != 0 || next.waiting.Load() != 0 {
				t.Error("the next front begins with what the one before had under way")
			}
		})
	}
}

func TestFrontThatGoesOnKeepsItsToll(t *testing.T) {
	file := tollFile(t, tollSize)
	old := mapToll(file)
	old.underWay.Store(3)
	old.lost.requests.Store(5)
	next, _ := openToll(&holdings{keeper: &keeper.Keeper{}, left: map[string]*os.File{heldToll: file}})
	next.underWay.Add(1)
	if old.underWay.Load() != 3 || next.lost.requests.Load() != 5 {
		t.Errorf("the old front has %d under way, want 3; the next has %d lost, want 5", old.underWay.Load(), next.lost.requests.Load())
	}
}

func TestFirstFrontHasLostNothing(t *testing.T) {
	first, before := openToll(&holdings{keeper: &keeper.Keeper{}})
	if requests, lines := first.charge(before); before != nil || requests != 0 || lines != 0 {
		t.Errorf("%d requests and %d lines are lost", requests, lines)
	}
}
