package spawn

import (
	"strconv"

	"purser/spawn/loader"
)

// rubyArgv runs the loader, which finds the app's gems and the server: what it depends on in the release is looked at
// by Ruby itself, so that one command line serves all.
func (s *Spawner) rubyArgv(load func(string) string, startup, socket string) []string {
	return []string{"ruby", load(loader.Ruby), startup, socket, strconv.Itoa(max(s.app.Concurrency, 0))}
}
