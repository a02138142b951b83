package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// boot has a process of g come, and returns its turn once it has it.
func (b *boots) boot(g *Group) <-chan *turn {
	came := make(chan *turn, 1)
	go func() {
		t, _ := b.await(context.Background(), g)
		came <- t
	}()
	synctest.Wait()
	return came
}

// came reports whether it is the turn of a boot.
func came(c <-chan *turn) bool {
	synctest.Wait()
	return len(c) == 1
}

func TestOnlySoManyBootAtOnceHoweverManyAppsThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoots(2)
		var all []<-chan *turn
		for range 80 {
			all = append(all, b.boot(new(Group)))
		}
		for i := range all {
			got(t, "whether the next but one has its turn", i+2 < len(all) && came(all[i+2]), false)
			(<-all[i]).end()
		}
		got(t, "how many turns are taken", b.turns, 0)
	})
}

func TestBootOfAnAppOfWhichNothingIsReadyComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, serving, down := newBoots(1), new(Group), new(Group)
		serving.serves.Store(true)
		first := <-b.boot(serving)
		second, urgent := b.boot(serving), b.boot(down)
		first.end()
		got(t, "whether the app that is down has its turn", came(urgent), true)
		got(t, "whether the other has it", came(second), false)
		(<-urgent).end()
		(<-second).end()
	})
}

func TestAppWithTheFewestBootsUnderWayComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, many, few := newBoots(2), new(Group), new(Group)
		one, two := <-b.boot(many), <-b.boot(many)
		three, ofFew := b.boot(many), b.boot(few)
		one.end()
		got(t, "whether the other app has its turn", came(ofFew), true)
		got(t, "whether the third of the first has it", came(three), false)
		two.end()
		(<-ofFew).end()
		(<-three).end()
	})
}

// A boot that hangs delays nobody by more than its turn.
func TestBootThatTakesLongGivesUpItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, hanging, other := newBoots(2), new(Group), new(Group)
		hung := []*turn{<-b.boot(hanging), <-b.boot(hanging)}
		later := []<-chan *turn{b.boot(hanging), b.boot(hanging)}
		waits := b.boot(other)
		time.Sleep(longTurn - time.Second)
		got(t, "whether the other app has its turn", came(waits), false)
		time.Sleep(time.Second)
		got(t, "whether it has it after that", came(waits), true)
		(<-waits).end()
		for _, c := range later {
			hung = append(hung, <-c)
		}
		for _, h := range hung {
			h.end()
		}
		got(t, "how many turns are taken", b.turns, 0)
		got(t, "how many boots are under way", len(b.underWay), 0)
	})
}

func TestBootThatIsNotWantedAnyMoreGivesUpItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := newBoots(1), new(Group)
		first := <-b.boot(g)
		why := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(t.Context())
		told := make(chan error, 1)
		go func() { _, err := b.await(ctx, g); told <- err }()
		synctest.Wait()
		cancel(why)
		got(t, "what it is told", <-told, why)
		got(t, "how many wait", len(b.waiting), 0)
		first.end()
		(<-b.boot(g)).end()
	})
}
