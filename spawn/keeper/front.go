package keeper

import (
	"syscall"
	"time"
)

// A stage is how far the front is.
type stage int

const (
	absent   stage = iota // none runs. The next is started when it is due
	starting              // it runs, and has not said that it is ready. If it has given a sign of life, more are to follow
	serving               // it is ready, and gives signs of life
	hung                  // it gave none and was asked for its stacks. It is killed when that is due
	ended                 // there will be no other: all is ended
)

const (
	lifeSign  = 5 * time.Second         // without a sign for so long, a front hangs
	lateTick  = 1250 * time.Millisecond // a keeper that looks so late was held up itself, and so perhaps the front
	watch     = time.Second             // between two looks at whether it lives
	stackTime = 2 * time.Second         // for one that hangs to print where
	firstWait = 100 * time.Millisecond  // before the next front, if one crashes again at once; doubled each time
	mostWait  = 30 * time.Second
	mostKept  = 16 // signals for a front that is not ready

	mostCrashes = 2 // doublings of that wait, before it is for the binary before to try

	mostEndings = 2 // signals to stop that wait: who says it once more has lost all patience

	cannotStart = 70                     // the exit code of a purser whose front does not run
	calm        = 200 * time.Millisecond // a front that served for so long does not crash again at once
)

// An act is what a look at the front asks for.
type act int

const (
	nothing   act = iota
	start         // the front
	askStacks     // of it
	kill          // it
)

// A front is what the keeper knows of its front. It decides; keeping does.
type front struct {
	stage   stage
	begun   int           // how many there have been
	ready   bool          // one of them was
	last    bool          // the end of this one is the end of all, unless it is killed
	endings int           // signals to stop that wait for the next
	rescue  bool          // one was killed in the stop, and the next is to go on with it
	code    int           // to exit with; valid when ended
	sign    time.Time     // its last sign of life; zero = it has given none
	since   time.Time     // when it was ready
	looked  time.Time     // when that was looked at
	due     time.Time     // when the next is started, or this one is killed
	wait    time.Duration // before the next, if this one crashes

	waiting []syscall.Signal // for a front that is ready
}

// runs notes that one was started.
func (f *front) runs() {
	f.stage, f.sign = starting, time.Time{}
	f.begun++
}

// takes notes that another, which runs already, takes over from this one; in the stop it has to go on with that. It may
// have given signs of life.
func (f *front) takes(signs bool, now time.Time) {
	f.runs()
	if signs {
		f.lives(now)
	}
	if f.last && f.endings == 0 {
		f.stopsNext(syscall.SIGTERM)
	}
}

// leaves notes that the next is to be started at once.
func (f *front) leaves(now time.Time) {
	f.stage, f.due, f.wait = absent, now, 0
	if f.last && f.endings == 0 {
		f.stopsNext(syscall.SIGTERM)
	}
}

// again reports whether fronts crash again and again, though the next has waited a while three times.
func (f *front) again() bool { return f.stage == absent && f.wait > firstWait<<mostCrashes }

// isEnding reports whether a signal is to end purser.
func isEnding(s syscall.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}

// isReady notes that it serves, and returns the signals that have waited for that.
func (f *front) isReady(now time.Time) []syscall.Signal {
	if f.stage != starting {
		return nil
	}
	f.stage, f.ready = serving, true
	f.since, f.sign, f.looked = now, now, now
	waiting := f.waiting
	f.waiting, f.endings = nil, 0
	return waiting
}

func (f *front) stops()        { f.last = true }
func (f *front) running() bool { return f.stage == starting || f.stage == serving || f.stage == hung }
func (f *front) ends(code int) { f.stage, f.code = ended, code }

// lives notes a sign of life.
func (f *front) lives(now time.Time) {
	if f.sign.IsZero() {
		f.looked = now
	}
	f.sign = now
}

// watched reports whether it has to give signs of life. The first need not, as nobody could take its place.
func (f *front) watched() bool {
	return f.stage == serving || f.stage == starting && f.ready && !f.sign.IsZero()
}

// fails notes that it cannot be started, which the first has to be.
func (f *front) fails(now time.Time) {
	if !f.ready {
		f.ends(cannotStart)
		return
	}
	f.due, f.wait = now.Add(max(f.wait, firstWait)), min(max(2*f.wait, firstWait), mostWait)
}

// exits notes how it has exited, and reports whether that was a crash after which another is started.
func (f *front) exits(status syscall.WaitStatus, now time.Time) (crashed bool) {
	served := f.stage != starting
	switch {
	case f.last && f.ready && !f.rescue && status.Signaled():
		f.stage, f.rescue, crashed = absent, true, true
		if f.endings == 0 {
			f.stopsNext(syscall.SIGTERM)
		}
	case f.last || !f.ready:
		f.ends(codeOf(status))
	default:
		if served && now.Sub(f.since) >= calm {
			f.wait = 0
		}
		f.stage, f.due = absent, now.Add(f.wait)
		f.wait = min(max(2*f.wait, firstWait), mostWait)
		crashed = true
	}
	return crashed
}

// stopsNext has the next front stop what runs, once it is ready: it alone knows how.
func (f *front) stopsNext(s syscall.Signal) {
	f.last, f.due = true, time.Time{}
	f.endings++
	f.waiting = append(f.waiting, s)
}

// passes takes a signal that has come for purser, and reports whether the front is to get it now. A front
// that is not ready would die of those that it does not know yet.
func (f *front) passes(s syscall.Signal) bool {
	ending := isEnding(s)
	switch {
	case ending && s != syscall.SIGQUIT && f.ready && (f.stage == absent || f.stage == starting) && f.endings < mostEndings:
		f.stopsNext(s)
	case f.stage == absent && ending && f.begun > 0:
		f.ends(0)
	case ending:
		f.last = true
		return f.running()
	case f.stage == serving:
		return true
	case f.stage != ended && len(f.waiting) < mostKept:
		f.waiting = append(f.waiting, s)
	}
	return false
}

// look says what is to be done.
func (f *front) look(now time.Time) act {
	since := now.Sub(f.looked)
	switch {
	case f.stage == absent && !now.Before(f.due):
		return start
	case f.stage == hung && !now.Before(f.due):
		f.due = now.Add(stackTime)
		return kill
	case !f.watched() || since < watch/2:
		return nothing
	}
	f.looked = now
	if since > lateTick {
		f.sign = f.sign.Add(since) // that time does not count
	}
	if now.Sub(f.sign) < lifeSign {
		return nothing
	}
	f.stage, f.due = hung, now.Add(stackTime)
	return askStacks
}

// next is how long nothing is to be done, unless something happens; 0 = for ever.
func (f *front) next(now time.Time) time.Duration {
	switch {
	case f.stage == absent, f.stage == hung:
		return max(f.due.Sub(now), 1)
	case f.watched():
		return watch
	}
	return 0
}

// codeOf is the exit code of who ends as another has, as a shell has it.
func codeOf(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
