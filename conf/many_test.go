package conf

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manyApps is a file with so many apps.
func manyApps(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[apps.app%d]\nroot = '/srv/app%d'\nhosts = ['app%d.example.org']\nmin_processes = 0\n[apps.app%d.env]\nA = 'b'\n[apps.app%d.restart]\nsurge = 2\n", i, i, i, i, i)
	}
	return []byte(b.String())
}

// readIn is how much of a processor it takes to read so many apps: whatever else the machine does is no part of it.
func readIn(t testing.TB, n int) time.Duration {
	file := manyApps(n)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Hour
	for range 3 {
		begin := threadTime(t)
		if _, err := Parse("p.toml", file); err != nil {
			t.Fatal(err)
		}
		best = min(best, threadTime(t)-begin)
	}
	return best
}

// threadTime is how much of a processor this thread has used.
func threadTime(t testing.TB) time.Duration {
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Nano())
}

// Ten times as many apps take about ten times as long, not a hundred times.
func TestManyAppsAreReadInLinearTime(t *testing.T) {
	few, many := readIn(t, 200), readIn(t, 2000)
	if many > 40*few {
		t.Errorf("200 apps are read in %v, 2000 in %v", few, many)
	}
	t.Logf("200 apps are read in %v, 2000 in %v", few, many)
}

func BenchmarkReadThousandApps(b *testing.B) {
	file := manyApps(1000)
	for b.Loop() {
		if _, err := Parse("p.toml", file); err != nil {
			b.Fatal(err)
		}
	}
}
