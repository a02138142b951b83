package users

import (
	"sync"
	"testing"

	"purser/test/harness"
)

// What root's reader looks at, for a reload or a restart, does not keep an upgrade from going on, nor is it kept from it:
// each is done, whatever comes first.
func TestAnUpgradeGoesWithAReloadAndARestart(t *testing.T) {
	f := newFolder(t, games)
	bin := publicBinary(t)
	p := harness.Serve(t, harness.Options{Bin: bin, Config: harness.ServerTable(`user = "backup"`) + f.app("app"), Users: true})
	ask(t, p, "app")
	for range 3 {
		all := [][]string{{"upgrade", bin}, {"reload"}, {"restart", "app"}}
		var asked sync.WaitGroup
		for _, command := range all {
			asked.Go(func() {
				if r := p.Run(harness.Within(t), command...); r.Code != 0 {
					t.Errorf("%s exits with %d: %s%s", command[0], r.Code, r.Stdout, r.Stderr)
				}
			})
		}
		asked.Wait()
	}
	ask(t, p, "app")
}
