package keeper

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

const (
	killed = syscall.WaitStatus(syscall.SIGKILL)
	exit0  = syscall.WaitStatus(0)
	exit2  = syscall.WaitStatus(2 << 8)
)

// begun is when the fronts of these tests begin.
var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// The events that happen to a front, at a time after that.
type event func(f *front, now time.Time)

var (
	runs     event = func(f *front, _ time.Time) { f.runs() }
	ready    event = func(f *front, now time.Time) { f.isReady(now) }
	alive    event = func(f *front, now time.Time) { f.lives(now) }
	stopping event = func(f *front, _ time.Time) { f.stops() }
	fails    event = func(f *front, now time.Time) { f.fails(now) }
	takes    event = func(f *front, now time.Time) { f.takes(false, now) }
	adopts   event = func(f *front, now time.Time) { f.takes(true, now) }
	leaves   event = func(f *front, now time.Time) { f.leaves(now) }
	looks    event = func(f *front, now time.Time) { f.look(now) }
)

func exits(status syscall.WaitStatus) event {
	return func(f *front, now time.Time) { f.exits(status, now) }
}

func passes(s syscall.Signal) event { return func(f *front, _ time.Time) { f.passes(s) } }

// after is a time, and what happens then.
type after struct {
	time  time.Duration
	event event
}

// watchedFor is a front that was looked at, and gave a sign of life, each second for so long.
func watchedFor(from, seconds int, signs bool) (all []after) {
	for s := from + 1; s <= from+seconds; s++ {
		at := time.Duration(s) * time.Second
		if signs {
			all = append(all, after{at, alive})
		}
		all = append(all, after{at, looks})
	}
	return all
}

func TestTheFrontInAllOfItsStates(t *testing.T) {
	serves := []after{{0, runs}, {0, ready}}
	silent := slices.Concat(serves, watchedFor(0, 5, false))
	for name, c := range map[string]struct {
		before []after
		stage  stage
		code   int           // if it is ended
		at     time.Duration // when it is looked at
		act    act
		next   time.Duration
	}{
		"before the first":                 {nil, absent, 0, 0, start, 1},
		"starts":                           {[]after{{0, runs}}, starting, 0, time.Hour, nothing, 0},
		"serves":                           {serves, serving, 0, time.Second, nothing, watch},
		"gives signs of life":              {slices.Concat(serves, watchedFor(0, 60, true)), serving, 0, 61 * time.Second, nothing, watch},
		"has given none for less than 5 s": {slices.Concat(serves, watchedFor(0, 4, false)), serving, 0, 4900 * time.Millisecond, nothing, watch},
		"gives none":                       {slices.Concat(serves, watchedFor(0, 4, false)), serving, 0, 5 * time.Second, askStacks, stackTime},
		"hangs, and prints its stacks":     {silent, hung, 0, 6 * time.Second, nothing, time.Second},
		"hangs for too long":               {silent, hung, 0, 7 * time.Second, kill, stackTime},
		"is silent while the keeper looks late, too": {append(slices.Clone(serves), after{2 * time.Second, looks}, after{4 * time.Second, looks}, after{6 * time.Second, looks}, after{8 * time.Second, looks}), serving, 0, 9 * time.Second, nothing, watch},
		"was held up together with the keeper":       {serves, serving, 0, time.Hour, nothing, watch},
		"hung, and was killed":                       {append(slices.Clone(silent), after{7 * time.Second, exits(killed)}), absent, 0, 7 * time.Second, start, 1},
		"crashes":                                    {append(slices.Clone(serves), after{time.Minute, exits(killed)}), absent, 0, time.Minute, start, 1},
		"exits as if all was well":                   {append(slices.Clone(serves), after{time.Minute, exits(exit0)}), absent, 0, time.Minute, start, 1},
		"crashes at once":                            {append(slices.Clone(serves), after{0, exits(killed)}), absent, 0, 0, start, 1},
		"crashes at once, twice":                     {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, exits(exit2)}}), absent, 0, 0, nothing, firstWait},
		"crashes at once, twice, and has waited":     {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, exits(exit2)}}), absent, 0, firstWait, start, 1},
		"crashes at once, and later":                 {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, ready}, {calm, exits(killed)}}), absent, 0, calm, start, 1},
		"first cannot be started":                    {[]after{{0, fails}}, ended, cannotStart, 0, nothing, 0},
		"next cannot be started":                     {append(slices.Clone(serves), after{time.Minute, exits(killed)}, after{time.Minute, fails}), absent, 0, time.Minute, nothing, firstWait},
		"first ends before it is ready":              {[]after{{0, runs}, {0, exits(exit2)}}, ended, 2, 0, nothing, 0},
		"first is killed before it is ready":         {[]after{{0, runs}, {0, exits(killed)}}, ended, 137, 0, nothing, 0},
		"has stopped":                                {append(slices.Clone(serves), after{0, stopping}, after{0, exits(exit0)}), ended, 0, 0, nothing, 0},
		"has stopped with an error":                  {append(slices.Clone(serves), after{0, stopping}, after{0, exits(exit2)}), ended, 2, 0, nothing, 0},
		"stops":                                      {append(slices.Clone(serves), after{0, stopping}), serving, 0, time.Second, nothing, watch},
		"hangs in the stop":                          {slices.Concat(serves, []after{{0, stopping}}, watchedFor(0, 4, false)), serving, 0, 5 * time.Second, askStacks, stackTime},
		"crashes in the stop":                        {append(slices.Clone(serves), after{0, stopping}, after{0, exits(killed)}), absent, 0, 0, start, 1},
		"crashes in the stop, twice":                 {slices.Concat(serves, []after{{0, stopping}, {0, exits(killed)}, {0, runs}, {0, ready}, {0, exits(killed)}}), ended, 137, 0, nothing, 0},
		"has stopped what one left that crashed":     {slices.Concat(serves, []after{{0, stopping}, {0, exits(killed)}, {0, runs}, {0, ready}, {0, exits(exit0)}}), ended, 0, 0, nothing, 0},
		"crashes after TERM":                         {append(slices.Clone(serves), after{0, passes(syscall.SIGTERM)}, after{0, exits(killed)}), absent, 0, 0, start, 1},
		"crashes after HUP":                          {append(slices.Clone(serves), after{0, passes(syscall.SIGHUP)}, after{0, exits(killed)}), absent, 0, 0, start, 1},
		"is told to stop while none lives":           {append(slices.Clone(serves), after{0, exits(killed)}, after{0, passes(syscall.SIGINT)}), absent, 0, 0, start, 1},
		"is told to stop while none lives, thrice":   {append(slices.Clone(serves), after{0, exits(killed)}, after{0, passes(syscall.SIGINT)}, after{0, passes(syscall.SIGINT)}, after{0, passes(syscall.SIGINT)}), ended, 0, 0, nothing, 0},
		"is told to print stacks while none lives":   {append(slices.Clone(serves), after{0, exits(killed)}, after{0, passes(syscall.SIGQUIT)}), ended, 0, 0, nothing, 0},
		"is told to stop while the next waits":       {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, exits(exit2)}, {0, passes(syscall.SIGTERM)}}), absent, 0, 0, start, 1},
		"gives way to another":                       {append(slices.Clone(serves), after{0, takes}), starting, 0, time.Hour, nothing, 0},
		"gives way to another that gives signs":      {append(slices.Clone(serves), after{0, adopts}), starting, 0, time.Second, nothing, watch},
		"gives way to another that hangs":            {slices.Concat(serves, []after{{0, adopts}}, watchedFor(0, 4, false)), starting, 0, 5 * time.Second, askStacks, stackTime},
		"gives way to another that takes long":       {slices.Concat(serves, []after{{0, adopts}}, watchedFor(0, 60, true)), starting, 0, 61 * time.Second, nothing, watch},
		"hangs as it starts after a crash":           {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, alive}}, watchedFor(0, 4, false)), starting, 0, 5 * time.Second, askStacks, stackTime},
		"gives no sign as it starts after a crash":   {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}}), starting, 0, time.Hour, nothing, 0},
		"hangs as the first":                         {slices.Concat([]after{{0, runs}, {0, alive}}, watchedFor(0, 10, false)), starting, 0, time.Hour, nothing, 0},
		"has given way to one that serves":           {append(slices.Clone(serves), after{0, takes}, after{0, ready}), serving, 0, time.Second, nothing, watch},
		"has given way to one that ends":             {append(slices.Clone(serves), after{0, takes}, after{0, exits(exit2)}, after{0, leaves}), absent, 0, 0, start, 1},
		"gives way, and another is to come":          {append(slices.Clone(serves), after{0, leaves}), absent, 0, 0, start, 1},
		"gives way after crashes":                    {slices.Concat(serves, []after{{0, exits(killed)}, {0, runs}, {0, exits(exit2)}, {0, leaves}}), absent, 0, 0, start, 1},
		"prints its stacks as a person asks it":      {append(slices.Clone(serves), after{0, passes(syscall.SIGQUIT)}, after{0, exits(exit2)}), ended, 2, 0, nothing, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &front{}
			for _, e := range c.before {
				e.event(f, begun.Add(e.time))
			}
			if f.stage != c.stage || f.stage == ended && f.code != c.code {
				t.Errorf("its stage is %d and its code %d, want %d and %d", f.stage, f.code, c.stage, c.code)
			}
			now := begun.Add(c.at)
			if act := f.look(now); act != c.act {
				t.Errorf("what is to be done is %d, want %d", act, c.act)
			}
			if next := f.next(now); next != c.next {
				t.Errorf("the next look is in %s, want %s", next, c.next)
			}
		})
	}
}

func TestWaitBeforeTheNextFrontGrowsAndHasALimit(t *testing.T) {
	f, now := &front{}, begun
	f.runs()
	f.isReady(now)
	for _, want := range []time.Duration{0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000} {
		if f.exits(killed, now); f.due.Sub(now) != want*time.Millisecond {
			t.Errorf("the next is started after %s, want %d ms", f.due.Sub(now), want)
		}
		f.runs()
	}
}

func TestSignalsGetToAFrontThatKnowsThem(t *testing.T) {
	f := &front{}
	f.runs()
	if f.passes(syscall.SIGHUP) || f.passes(syscall.SIGUSR1) {
		t.Error("one that is not ready got a signal that would kill it")
	}
	if got := f.isReady(begun); !slices.Equal(got, []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}) {
		t.Errorf("when it was ready it got %v", got)
	}
	if !f.passes(syscall.SIGHUP) || f.isReady(begun) != nil {
		t.Error("one that is ready did not get a signal, or got one twice")
	}
	f.exits(killed, begun)
	for range 2 * mostKept {
		f.passes(syscall.SIGUSR1)
	}
	f.runs()
	if got := f.isReady(begun); len(got) != mostKept {
		t.Errorf("%d signals were kept for the next", len(got))
	}
	f = &front{}
	f.runs()
	if !f.passes(syscall.SIGTERM) {
		t.Error("one that starts did not get TERM")
	}
	f = &front{}
	for range 2 {
		f.runs()
		f.isReady(begun)
		f.exits(killed, begun)
	}
	f.runs()
	if f.passes(syscall.SIGTERM) {
		t.Error("one that follows another got TERM before it knew what that one has left")
	}
	if got := f.isReady(begun); !slices.Equal(got, []syscall.Signal{syscall.SIGTERM}) {
		t.Errorf("when it was ready it got %v", got)
	}
}

func TestAStopIsTheNextOnesWhenTheOwnerGivesWay(t *testing.T) {
	for name, gives := range map[string]event{"to one that runs": takes, "to one that is yet to run": func(f *front, now time.Time) { leaves(f, now); runs(f, now) }} {
		f := &front{}
		runs(f, begun)
		ready(f, begun)
		if !f.passes(syscall.SIGTERM) {
			t.Error("one that serves did not get TERM")
		}
		gives(f, begun)
		if got := f.isReady(begun); !slices.Equal(got, []syscall.Signal{syscall.SIGTERM}) {
			t.Errorf("%s: it got %v", name, got)
		}
		if f.exits(exit0, begun); f.stage != ended {
			t.Errorf("%s: its end was not that of purser", name)
		}
	}
}

func TestItIsKnownWhenFrontsCrashAgainAndAgain(t *testing.T) {
	f := &front{}
	runs(f, begun)
	ready(f, begun)
	for n, want := range []bool{false, false, false, true, true} {
		f.exits(killed, begun)
		if f.again() != want {
			t.Errorf("after %d crashes it is %t", n+1, f.again())
		}
		runs(f, begun)
	}
	ready(f, begun)
	if f.exits(killed, begun.Add(calm)); f.again() {
		t.Error("one that has served for a while has crashed again and again")
	}
}
