package pool

import (
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

func TestRemovedGroupLeavesItsRoomToOthersAndItsNameToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(3)
		defer s.close(t)
		a := s.add("a", func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 2, 2 })
		b := s.add("b", func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 3 })
		time.Sleep(10 * time.Second)
		one := acquired(t, b)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, b) }()
		time.Sleep(10 * time.Second)
		got(t, "what b has while a is kept two", alive(b), 1)
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got(t, "what a has", alive(a), 0)
		s.pool.Remove(a)
		b.Release(<-waiting, Worked)
		b.Release(one, Worked)
		got(t, "whether a is there", s.pool.Group("a") == nil, true)
		again := s.add("a", func(app *conf.App) { app.MinProcesses = 1 })
		again.Release(acquired(t, again), Worked)
	})
}
