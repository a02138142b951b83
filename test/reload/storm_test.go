package reload

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// A hundred configurations follow one another, each with one change, which may be one that cannot be.
func TestAHundredReloadsUnderLoadLoseNothingAndRestartOnlyWhatTheyMust(t *testing.T) {
	names := []string{"api", "blog", "shop"}
	l := newLand(t, names...)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	seed := uint64(time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var loads []*harness.Running
	for _, name := range names {
		loads = append(loads, l.load(name, 50))
	}
	pids := map[string][]int{}
	look := func(expected ...string) {
		t.Helper()
		for _, name := range names {
			l.await(name, 2)
			now := l.pids(name)
			if same := slices.Equal(now, pids[name]); pids[name] != nil && same == slices.Contains(expected, name) {
				t.Fatalf("the processes of %s were %v and are %v, and those that are to be others are of %v", name, pids[name], now, expected)
			}
			pids[name] = now
		}
	}
	look()
	refused := 0
	for i := range 100 {
		name := names[dice.IntN(len(names))]
		restarted, code := []string(nil), 0
		before, listen := slices.Clone(l.apps[name]), slices.Clone(l.listen)
		says := ""
		switch dice.IntN(10) {
		case 0, 1:
			l.apps[name] = append(l.apps[name], fmt.Sprintf("env.V%d = \"%d\"", i, i))
			restarted = []string{name}
			says = name + ": restarted, for env.V"
		case 2, 3:
			l.apps[name] = append(slices.DeleteFunc(l.apps[name], func(key string) bool { return strings.HasPrefix(key, "max_queue") }), fmt.Sprintf("max_queue = %d", 200+i))
			says = name + ": changed in place: max_queue"
		case 4:
			if _, there := l.apps["extra"]; there {
				delete(l.apps, "extra")
				says = "extra: removed"
			} else {
				l.apps["extra"] = []string{"min_processes = 1"}
				says = "extra: added"
			}
		case 5:
			if len(l.listen) > 0 {
				l.listen = nil
				says = "no longer listening on"
			} else {
				l.listen = []string{harness.FreeAddr()}
				says = "listening on " + l.listen[0]
			}
		case 6:
			l.apps[name] = append(l.apps[name], "max_cue = 3")
			code, says = 2, `.toml:`
		case 7:
			l.listen = []string{taken.Addr().String()}
			code, says = 2, "cannot listen on"
		case 8:
			l.broken = "[apps.nowhere]\nroot = \"/nowhere\"\nhosts = [\"nowhere\"]\n"
			code, says = 1, "nowhere cannot be served, and is tried again: the folder /nowhere does not exist"
		case 9:
			l.broken = "[apps.half\n"
			code, says = 2, ".toml:"
		}
		result := l.reloads(code)
		if !strings.Contains(result.Stdout+result.Stderr, says) {
			t.Errorf("reload %d does not say %q: %s%s", i, says, result.Stdout, result.Stderr)
		}
		if code != 0 {
			refused++
			l.apps[name], l.listen, l.broken = before, listen, ""
		}
		look(restarted...)
		for _, address := range l.listen {
			if conn, err := net.Dial("tcp", address); err != nil {
				t.Errorf("after reload %d nobody listens on %s: %v", i, address, err)
			} else {
				conn.Close()
			}
		}
	}
	for _, load := range loads {
		harness.MustNotFail(t, load.End())
	}
	t.Logf("%d of 100 were refused", refused)
}
