package pool

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// boot has a process of g come, and returns its turn once it has it.
func boot(b *boots[*Group], g *Group) <-chan *turn[*Group] {
	came := make(chan *turn[*Group], 1)
	go func() {
		t, _ := b.await(context.Background(), g)
		came <- t
	}()
	synctest.Wait()
	return came
}

// came reports whether it is the turn of a boot.
func came(c <-chan *turn[*Group]) bool {
	synctest.Wait()
	return len(c) == 1
}

func TestOnlySoManyBootAtOnceHoweverManyAppsThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoots[*Group](2)
		var all []<-chan *turn[*Group]
		for range 80 {
			all = append(all, boot(b, new(Group)))
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
		b, serving, down := newBoots[*Group](1), new(Group), new(Group)
		serving.serves.Store(true)
		first := <-boot(b, serving)
		second, urgent := boot(b, serving), boot(b, down)
		first.end()
		got(t, "whether the app that is down has its turn", came(urgent), true)
		got(t, "whether the other has it", came(second), false)
		(<-urgent).end()
		(<-second).end()
	})
}

// However many processes an app is to have: where one boot of it hangs, its others are in no hurry.
func TestAppThatHangsInItsBootsDelaysAnotherByOneTurnAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, hanging, other := newBoots[*Group](2), new(Group), new(Group)
		hung := []<-chan *turn[*Group]{boot(b, hanging), boot(b, hanging), boot(b, hanging), boot(b, hanging)}
		other.serves.Store(true)
		waits := []<-chan *turn[*Group]{boot(b, other), boot(b, other)}
		time.Sleep(longTurn)
		for i, w := range waits {
			got(t, fmt.Sprintf("whether boot %d of the other has its turn", i+1), came(w), true)
			(<-w).end()
		}
		for _, h := range hung {
			(<-h).end()
		}
	})
}

func TestAppWithTheFewestBootsUnderWayComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, many, few := newBoots[*Group](2), new(Group), new(Group)
		one, two := <-boot(b, many), <-boot(b, many)
		three, ofFew := boot(b, many), boot(b, few)
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
		b, hanging, other := newBoots[*Group](2), new(Group), new(Group)
		hung := []*turn[*Group]{<-boot(b, hanging), <-boot(b, hanging)}
		later := []<-chan *turn[*Group]{boot(b, hanging), boot(b, hanging)}
		waits := boot(b, other)
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
		b, g := newBoots[*Group](1), new(Group)
		first := <-boot(b, g)
		why := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(t.Context())
		told := make(chan error, 1)
		go func() { _, err := b.await(ctx, g); told <- err }()
		synctest.Wait()
		cancel(why)
		got(t, "what it is told", <-told, why)
		got(t, "how many wait", len(b.waiting), 0)
		first.end()
		(<-boot(b, g)).end()
	})
}
