package deploy

import (
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

const mib = 1 << 20

// measured has each process that is alive use 100 MiB, of which so many are free now.
func (s *site) measured(free int64) (measures *int) {
	measures = new(int)
	s.memory.measure = func() measure {
		*measures++
		used := map[int]int64{}
		for pid := range s.spawns.Load() {
			used[int(1001+pid)] = 100 * mib
		}
		return measure{free, used}
	}
	return measures
}

func blueGreen(app *conf.App) { app.Restart.Strategy = pool.BlueGreen }

func TestRestartsThatBeginTogetherShareTheFreeMemory(t *testing.T) {
	s := newSite(t, blueGreen)
	s.add("shop", blueGreen)
	s.add("wiki", blueGreen)
	measures := s.measured(500 * mib)
	first := s.memory.grant(s.group("blog"), "")
	second := s.memory.grant(s.group("shop"), "")
	third := s.memory.grant(s.group("wiki"), "")
	if first != (pool.Memory{Free: 500 * mib, PerProcess: 100 * mib}) || second.Free != 300*mib || third.Free != 100*mib {
		t.Errorf("they are given %+v, %+v and %+v", first, second, third)
	}
	if *measures != 1 {
		t.Errorf("it is measured %d times", *measures)
	}
}

func TestWhatWasGrantedIsFreeAgainOnceTheRestartHasEnded(t *testing.T) {
	s := newSite(t, blueGreen)
	s.add("shop", blueGreen)
	s.measured(500 * mib)
	r, err := s.Restart(s.group("blog"), pool.RestartRequest{})
	s.must(err)
	if _, err := s.group("blog").WaitRestart(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	s.eventually("nothing is set aside any more", func() bool { return s.memory.grant(s.group("shop"), "").Free == 500*mib })
}

func TestWhatNewProcessesUseAlreadyIsNotSetAsideTwice(t *testing.T) {
	s := newSite(t, blueGreen)
	s.add("shop", blueGreen)
	s.measured(500 * mib)
	now := time.Now()
	s.memory.now = func() time.Time { return now }
	s.memory.grant(s.group("blog"), "")
	s.memory.granted(pool.RestartSnapshot{App: "blog", ID: "r-1", Generation: 1}) // whose two processes are there
	if shop := s.memory.grant(s.group("shop"), ""); shop.Free != 500*mib {
		t.Errorf("beside what the measure shows, only %d bytes are free", shop.Free)
	}
	now = now.Add(time.Hour)
	s.measured(400 * mib)
	if shop := s.memory.grant(s.group("shop"), ""); shop.Free != 400*mib {
		t.Errorf("an hour later %d bytes are free", shop.Free)
	}
}

func TestABlockingRestartNeedsNoMemoryBesideTheOldProcesses(t *testing.T) {
	s := newSite(t)
	s.add("shop")
	s.measured(250 * mib)
	s.memory.grant(s.group("blog"), pool.Blocking)
	if shop := s.memory.grant(s.group("shop"), ""); shop.Free != 250*mib {
		t.Errorf("%d bytes are free", shop.Free)
	}
	if blog := s.memory.grant(s.group("blog"), pool.Rolling); blog.Free != 150*mib {
		t.Errorf("beside a rolling restart with one extra process %d bytes are free", blog.Free)
	}
}
