package keeper

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Who forks and who is the parent keep nothing of a child that is gone.
func TestTenThousandSpawnsLeaveNothing(t *testing.T) {
	h := newHouse(t)
	spawn := func(n int) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range n / 10 {
					p, err := h.fork("/bin/true", "true")
					if err != nil {
						t.Error(err)
						return
					}
					<-p.Gone()
				}
			})
		}
		all.Wait()
	}
	kept := func() (descriptors int, memory int64) {
		for _, pid := range []int{os.Getpid(), h.keeper.PID()} {
			files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
			check(t, err)
			descriptors += len(files)
		}
		return descriptors, ownMemory(t, h.keeper.PID())
	}
	spawn(1000)
	files, memory := kept()
	spawn(10_000)
	files2, memory2 := kept()
	t.Logf("descriptors: %d, and %d after 10,000 more; memory of the keeper: %d and %d KiB", files, files2, memory, memory2)
	if files2 > files || memory2 > memory+2048 {
		t.Error("something is kept of children that are gone")
	}
	if left := len(h.keeper.current().processes); left != 0 {
		t.Errorf("%d processes are remembered", left)
	}
}

// As purser starts, it asks for a process of each user of its apps.
func TestForksThatAreAskedForAtTheSameTimeAreAllAnswered(t *testing.T) {
	h := newHouse(t)
	const rounds, users = 20, 200
	for range rounds {
		var all sync.WaitGroup
		for range users {
			all.Go(func() {
				p, err := h.fork("/bin/true", "true")
				if err != nil {
					t.Error(err)
					return
				}
				<-p.Gone()
			})
		}
		all.Wait()
	}
	if left := len(h.keeper.current().processes); left != 0 {
		t.Errorf("%d processes are remembered", left)
	}
}

// ownMemory is what a process has in memory that no file has, in KiB.
func ownMemory(t *testing.T, pid int) (size int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &size); n == 1 {
			return size
		}
	}
	return 0
}
