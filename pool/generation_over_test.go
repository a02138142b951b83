package pool

import (
	"fmt"
	"testing"
	"time"

	"purser/conf"
)

// What forks for a generation, a preloader, is to end when it has nothing to do any more.
func TestGenerationIsOverWhenItsLastProcessIsGone(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.exits(1)
	s.boots(4)
	got(t, "what is over while one of the old lives", fmt.Sprint(s.overs), "[]")
	s.exits(2)
	got(t, "what is over", fmt.Sprint(s.overs), "[1]")
}

func TestGenerationThatIsKeptForARollbackIsNotOver(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.Restart.RollbackWindow = time.Minute })
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.boots(4)
	s.are("1 standby, 2 standby, 3 ready g2, 4 ready g2")
	s.passes(time.Minute)
	s.exits(1)
	s.exits(2)
	got(t, "what is over", fmt.Sprint(s.overs), "[1]")
}

func TestGenerationThatDoesNotStartIsOverOnceItIsNotTriedAgain(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.exits(3)
	got(t, "what is over while it is tried now and then", fmt.Sprint(s.overs), "[]")
	s.restarts("/r3")
	got(t, "what is over", fmt.Sprint(s.overs), "[2]")
}

func TestGenerationThatWasTakenBackIsOver(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.rollsBack()
	s.exits(3, 4)
	got(t, "what is over", fmt.Sprint(s.overs), "[2]")
}
