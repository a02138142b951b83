package conf

import (
	"fmt"
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

// readIn is how long the processor worked to read so many: what others do meanwhile does not count.
func readIn(t testing.TB, n int) time.Duration {
	file := manyApps(n)
	best := time.Hour
	for range 3 {
		begin := worked(t)
		if _, err := Parse("p.toml", file); err != nil {
			t.Fatal(err)
		}
		best = min(best, worked(t)-begin)
	}
	return best
}

// worked is how long the processor has worked for this program.
func worked(t testing.TB) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
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
