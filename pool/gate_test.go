package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// enters has a spawn of g come to the gate, and tells once it is in.
func enters(t *gate, g *Group) <-chan error {
	in := make(chan error, 1)
	go func() { in <- t.enter(context.Background(), g) }()
	return in
}

func isIn(in <-chan error) bool {
	synctest.Wait()
	select {
	case <-in:
		return true
	default:
		return false
	}
}

func TestGateLetsSoManyStartAndOneOfEachGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, a, b := newGate(2), new(Group), new(Group)
		first, second, third := enters(gate, a), enters(gate, a), enters(gate, a)
		synctest.Wait()
		got(t, "how many of a are in", gate.under[a], 2)
		got(t, "whether b has to wait for a, which may hang", isIn(enters(gate, b)), true)
		gate.leave(a)
		synctest.Wait()
		got(t, "how many of a are in", gate.under[a], 1) // b's is still under way
		gate.leave(b)
		synctest.Wait()
		got(t, "how many of a are in", gate.under[a], 2)
		gate.leave(a)
		gate.leave(a)
		for _, in := range []<-chan error{first, second, third} {
			got(t, "what an entry says", <-in, nil)
		}
		got(t, "how many are in", gate.total, 0)
	})
}

func TestGateLetsTheGroupWithTheFewestGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, a, b := newGate(3), new(Group), new(Group)
		for range 2 {
			<-enters(gate, a)
		}
		<-enters(gate, b)
		ofA := enters(gate, a)
		synctest.Wait()
		ofB := enters(gate, b)
		synctest.Wait()
		gate.leave(a)
		got(t, "whether a's is in", isIn(ofA), true) // one each: who came first
		gate.leave(a)
		got(t, "whether b's is in", isIn(ofB), true)
	})
}

func TestSpawnThatIsGivenUpLeavesTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, a := newGate(1), new(Group)
		<-enters(gate, a)
		why := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(t.Context())
		in := make(chan error, 1)
		go func() { in <- gate.enter(ctx, a) }()
		synctest.Wait()
		cancel(why)
		got(t, "what it is told", <-in, why)
		got(t, "how many wait", len(gate.waiting), 0)
		gate.leave(a)
		got(t, "whether another is in", isIn(enters(gate, a)), true)
	})
}
