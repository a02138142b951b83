package access

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFolderThatDoesNotAnswerIsGivenUpAndLookedAtAgainOnceItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, looks := make(chan int), atomic.Int32{}
		ask := func(folder string) (int, bool) {
			return Look(folder, func() int { looks.Add(1); return <-answer })
		}
		for range 3 {
			if _, answered := ask("/nfs/app"); answered || !IsAway("/nfs/app") {
				t.Error("it has answered")
			}
		}
		if n := looks.Load(); n != 1 {
			t.Errorf("it was looked at %d times while the first look had not come back", n)
		}
		if found, answered := Look("/srv/app", func() int { return 7 }); found != 7 || !answered {
			t.Errorf("in another folder was found %d, %v", found, answered)
		}
		answer <- 1
		synctest.Wait()
		if IsAway("/nfs/app") {
			t.Error("it is away, though the look has come back")
		}
		go func() { answer <- 2 }()
		if found, answered := ask("/nfs/app"); found != 2 || !answered {
			t.Errorf("the next look has found %d, %v", found, answered)
		}
	})
}

func TestManyThatDoNotAnswerHoldUpTheOthersForLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 200
		began, last := time.Now(), time.Time{}
		Beside(many, func(i int) {
			if i == many-1 {
				last = time.Now()
				return
			}
			time.Sleep(mostLook)
		})
		if took := last.Sub(began); took > many/atOnce*mostTurn {
			t.Errorf("the last had to wait for %v", took)
		}
		if took := time.Since(began); took > many/atOnce*mostTurn+mostLook {
			t.Errorf("all of them took %v", took)
		}
	})
}
