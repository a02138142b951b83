package deploy

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/spawn/keeper"
)

// nextOf is a Deployer that begins where one before has ended, by the same file.
func nextOf(t *testing.T, file string) *Deployer {
	t.Helper()
	p, k := pool.New(0, 0, hclog.NewNullLogger()), &keeper.Keeper{}
	d := New(Config{Pool: p, Keeper: k, Memo: file, Log: hclog.NewNullLogger()})
	t.Cleanup(func() {
		d.Close()
		k.Close()
	})
	return d
}

func TestWhatOperatorsWantIsKnownToTheNextPurser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	d := nextOf(t, file)
	app := conf.App{Name: "blog", MinProcesses: 1, MaxProcesses: 6}
	d.Scale(app, 9)
	d.SetStopped("blog", true)
	d.SetStopped("shop", true)
	d.SetStopped("shop", false)
	next := nextOf(t, file)
	if got := next.Scaled(app); got.MinProcesses != 9 || got.MaxProcesses != 9 {
		t.Errorf("its size is %d to %d", got.MinProcesses, got.MaxProcesses)
	}
	if !next.IsStopped("blog") || next.IsStopped("shop") {
		t.Error("it is not known what is stopped")
	}
}

func TestASizeHoldsUntilTheConfigurationHasAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	d := nextOf(t, file)
	app := conf.App{Name: "blog", MinProcesses: 1, MaxProcesses: 6}
	d.Scale(app, 9)
	d.Unscale([]conf.App{app})
	if d.Scaled(app).MaxProcesses != 9 {
		t.Error("it does not hold though nothing has changed")
	}
	other := app
	other.MaxProcesses = 7
	if d.Scaled(other).MaxProcesses != 7 {
		t.Error("it holds against another configuration")
	}
	d.Unscale([]conf.App{other})
	if d.Scaled(app).MaxProcesses != 6 {
		t.Error("it comes back with the configuration of then")
	}
}
