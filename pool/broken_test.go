package pool

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

const breaks = "PURSER_TEST_BREAKS"

// What is done wrong to a group, each in a process of its own.
var wrongs = map[string]func(*Group, *Process){
	"an event":  func(g *Group, _ *Process) { g.do(func(*groupState, time.Time) { panic("BUG: on purpose") }) },
	"a release": func(g *Group, p *Process) { g.Release(p, Worked); g.Release(p, Worked) },
	"a hold":    func(g *Group, p *Process) { g.Release(p, Worked); g.Hold(p) },
	"a drop":    func(g *Group, p *Process) { g.Release(p, Worked); g.Drop(p) },
}

// A fault under a group's lock ends purser, though somebody recovers from it: else the app would hang, and
// nobody would know.
func TestPanicUnderTheLockEndsPurserLoudly(t *testing.T) {
	if wrong := os.Getenv(breaks); wrong != "" {
		breakDown(t, wrongs[wrong])
	}
	for name := range wrongs {
		t.Run(name, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run", "^TestPanicUnderTheLockEndsPurserLoudly$", "-test.timeout", "20s")
			c.Env = append(os.Environ(), breaks+"="+name)
			output, err := c.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitInternal {
				t.Errorf("it ends with %v", err)
			}
			for _, want := range []string{"internal error", "BUG: ", "broken_test.go"} {
				if !strings.Contains(string(output), want) {
					t.Errorf("its last words are without %q:\n%s", want, output)
				}
			}
		})
	}
}

func breakDown(t *testing.T, wrong func(*Group, *Process)) {
	s := openShop(0)
	s.pool = New(0, 8, hclog.NewNullLogger())
	g := s.add("blog")
	p, err := g.Acquire(context.Background(), Wish{})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		wrong(g, p)
	}()
	g.Snapshot() // it would hang here
	os.Exit(0)
}
