package keeper

import (
	"os/exec"
	"testing"
)

// BenchmarkFork is what a spawn costs, beside BenchmarkDirectFork: at most a millisecond more.
func BenchmarkFork(b *testing.B) { benchmarkFork(b, nil) }

// BenchmarkForkWithLimits is to be at most five more.
func BenchmarkForkWithLimits(b *testing.B) { benchmarkFork(b, held()) }

func benchmarkFork(b *testing.B, limits Limits) {
	k := &Keeper{}
	defer k.Close()
	for b.Loop() {
		p, err := k.Fork(Program{Path: "/bin/true", Dir: "/", Limits: limits, Args: []string{"true"}, Env: []string{"A=b"}})
		if err != nil {
			b.Fatal(err)
		}
		<-p.Exited()
	}
}

func BenchmarkDirectFork(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
