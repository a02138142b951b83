package keeper

import (
	"os/exec"
	"testing"
)

// BenchmarkFork is what a spawn costs, beside BenchmarkDirectFork: at most a millisecond more.
func BenchmarkFork(b *testing.B) {
	k := &Keeper{}
	defer k.Close()
	for b.Loop() {
		p, err := k.Fork(Program{Path: "/bin/true", Dir: "/", Args: []string{"true"}, Env: []string{"A=b"}})
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
