package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// begins has fronts of a whole behave in another way from now on, and ends has them do so no more.
func (w *whole) begins(how string) {
	w.t.Helper()
	check(w.t, os.WriteFile(filepath.Join(w.dir, how), nil, 0o600))
}

func (w *whole) ends(how string) {
	w.t.Helper()
	check(w.t, os.Remove(filepath.Join(w.dir, how)))
}

const itself = "upgrade /proc/self/exe"

func TestAnUpgradeChangesTheFrontAndNothingElse(t *testing.T) {
	w := newWhole(t)
	first, keeper := w.number("pid"), w.keeper()
	app := w.number("fork app#1 %s", echo)
	w.wants("<nil>", "note group/app one")
	w.wants("<nil>", itself)
	second := w.number("pid")
	if second == first || w.keeper() != keeper {
		t.Errorf("the fronts are %d and %d, the keepers %d and %d", first, second, keeper, w.keeper())
	}
	w.wants("upgraded true, back false, after v0, borrowers 1, yields 0", "came")
	w.wants("fronts 1; app#1 lives; held door,systemd", "left")
	w.wants("one", "noted group/app")
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
	w.eventually("the old front has ended", func() bool { return !lives(first) })
	w.eventually("the owner has heard of the old front", func() bool {
		return w.ask("heard") == fmt.Sprintf("%d, %d has ended", first, first)
	})
	w.signal(app, syscall.SIGKILL)
	w.wants("killed by signal KILL", "await app#1")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
	if strings.Contains(w.output.String(), "purser:") {
		t.Error("something was complained of")
	}
}

func TestACandidateThatIsNotFitChangesNothing(t *testing.T) {
	for how, want := range map[string]string{
		"exits":     "the new version exited with status 4 before it could serve",
		"is killed": "the new version was killed by signal KILL before it could serve",
	} {
		t.Run(how, func(t *testing.T) {
			w := newWhole(t)
			first := w.number("pid")
			app := w.number("fork app#1 sleep 3600")
			if how == "exits" {
				w.begins("candidate-exits")
			} else {
				w.begins("candidate-hangs")
				w.killCandidate("candidate ")
			}
			w.wants(want, itself)
			w.wants(strconv.Itoa(first), "pid")
			if !lives(app) {
				t.Error("the app has ended")
			}
			w.wants("upgraded false, back false, after , borrowers 0, yields 0", "came")
		})
	}
}

// printedNumber is what is printed last after a word.
func (w *whole) printedNumber(word string) int {
	printed := w.output.String()
	line, _, _ := strings.Cut(printed[strings.LastIndex(printed, word+" ")+len(word)+1:], "\n")
	number, _ := strconv.Atoi(line)
	return number
}

func TestWhatIsNoPurserIsRefused(t *testing.T) {
	w := newWhole(t)
	first := w.number("pid")
	for _, binary := range []string{"/bin/true", "/bin/false", "/bin/echo"} {
		if got := w.ask("upgrade %s", binary); !strings.Contains(got, "none of purser") && !strings.Contains(got, "cannot take over") {
			t.Errorf("%s: it said %q", binary, got)
		}
	}
	if got := w.ask("upgrade /etc/passwd"); !strings.HasPrefix(got, "cannot run the new binary") {
		t.Errorf("it said %q", got)
	}
	w.wants(strconv.Itoa(first), "pid")
	w.wants("<nil>", itself)
}

func TestAnOwnerThatIsBusyGoesOn(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-busy")
	first := w.number("pid")
	w.wants("the running version had too much to do for 10 s", itself)
	w.prints("goes on")
	w.wants(strconv.Itoa(first), "pid")
	w.wants("upgraded false, back false, after , borrowers 0, yields 1", "came")
	w.ends("yield-busy")
	w.wants("<nil>", itself)
	w.wants("upgraded true, back false, after v0, borrowers 1, yields 0", "came")
}

func TestAnOwnerMayRefuseToYield(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-refuses")
	first := w.number("pid")
	w.wants("this is no time for it", itself)
	w.prints("goes on")
	w.wants(strconv.Itoa(first), "pid")
	w.ends("yield-refuses")
	w.wants("<nil>", itself)
}

func TestIfTheOwnerCrashesAsItYieldsTheCandidateTakesOver(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-crashes")
	app := w.number("fork app#1 sleep 3600")
	w.wants("", itself) // it cannot answer
	w.wants("upgraded true, back false, after v0, borrowers 0, yields 0", "came")
	w.wants("fronts 1; app#1 lives; held door,systemd", "left")
	w.prints("the one that was to follow it takes its place")
	if !lives(app) {
		t.Error("the app has ended")
	}
}

func TestACandidateThatIsKilledBeforeTheOwnerYieldsChangesNothing(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-busy")
	first := w.number("pid")
	w.killCandidate("told to yield")
	w.wants("the new version was killed by signal KILL before it could serve", itself)
	w.prints("goes on")
	w.wants(strconv.Itoa(first), "pid")
	w.ends("yield-busy")
	w.wants("<nil>", itself)
}

func TestIfTheCandidateIsKilledAsTheOwnerYieldsAnotherOfTheSameBinaryFollows(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-slow")
	first := w.number("pid")
	app := w.number("fork app#1 %s", echo)
	w.killCandidate("has begun to yield")
	answer := make(chan string)
	go func() { answer <- w.ask(itself) }()
	w.eventually("the keeper has reaped the candidate", func() bool {
		return strings.Contains(w.output.String(), "has begun to yield") && syscall.Kill(w.printedNumber("candidate"), 0) == syscall.ESRCH
	})
	w.number("fork app#2 sleep 3600") // which the keeper does after that
	w.ends("yield-slow")
	if got := <-answer; got != "the new version was killed by signal KILL before it could serve" {
		t.Errorf("it said %q", got)
	}
	w.wants("upgraded false, back false, after v0, borrowers 1, yields 0", "came")
	w.wants("fronts 1; app#1 lives; app#2 lives; held door,systemd", "left")
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
	w.eventually("the first has ended", func() bool { return !lives(first) })
	if !lives(app) {
		t.Error("the app has ended")
	}
}

func (w *whole) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// killCandidate kills it when something is printed.
func (w *whole) killCandidate(when string) {
	var done sync.WaitGroup
	w.t.Cleanup(done.Wait)
	done.Go(func() {
		w.prints(when)
		w.signal(w.printedNumber("candidate"), syscall.SIGKILL)
	})
}

func TestAnOwnerThatHangsAsItYieldsIsKilledAndTheCandidateTakesOver(t *testing.T) {
	w := newWhole(t)
	w.begins("yield-hangs")
	w.number("fork app#1 sleep 3600")
	w.wants("", itself)
	w.wants("upgraded true, back false, after v0, borrowers 0, yields 0", "came")
	w.wants("fronts 1; app#1 lives; held door,systemd", "left")
}

func TestANewVersionThatEndsBeforeItServesGivesWayToTheOneBefore(t *testing.T) {
	w := newWhole(t)
	w.begins("broken-upgrade")
	w.number("fork app#1 %s", echo)
	w.wants("the new version, which was to serve, exited with status 3, so the version before serves again", itself)
	w.wants("upgraded false, back true, after v0, borrowers 1, yields 0", "came")
	w.wants("fronts 2; app#1 lives; held door,systemd", "left")
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
	w.prints("purser: the new version, which was to serve, exited with status 3, so the version before serves again")
	w.ends("broken-upgrade")
	w.wants("<nil>", itself)
	w.wants("upgraded true, back false, after v2, borrowers 1, yields 0", "came")
}

// It does not have the minute that one has which gives signs of life.
func TestANewVersionThatHangsBeforeItServesGivesWayToTheOneBefore(t *testing.T) {
	w := newWhole(t)
	w.begins("stopped-upgrade")
	w.number("fork app#1 %s", echo)
	w.wants("the new version, which was to serve, was killed by signal KILL, so the version before serves again", itself)
	w.prints("gives no sign of life, so it is killed")
	w.wants("upgraded false, back true, after v0, borrowers 1, yields 0", "came")
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
}

func TestANewVersionThatCrashesAgainAndAgainGivesWayToTheOneBefore(t *testing.T) {
	w := newWhole(t)
	w.wants("<nil>", itself)
	w.begins("broken")
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.prints("the new version ends again and again, so the version before serves again")
	w.ends("broken")
	w.eventually("the one before serves", func() bool { return strings.Contains(w.ask("came"), "back true") })
}

func TestOldFrontsBorrowFromEachOwner(t *testing.T) {
	w := newWhole(t)
	w.begins("linger")
	first := w.number("pid")
	w.wants("<nil>", itself)
	second := w.number("pid")
	w.eventually("the second has heard of the first", func() bool { return w.ask("heard") == strconv.Itoa(first) })
	w.signal(second, syscall.SIGKILL)
	w.eventually("the next has heard of the first", func() bool { return w.ask("heard") == strconv.Itoa(first) })
	third := w.number("pid")
	w.wants("<nil>", itself)
	w.eventually("the last has heard of both", func() bool { return len(strings.Fields(w.ask("heard"))) == 2 })
	w.signal(third, syscall.SIGKILL)
	w.eventually("the end of one is heard", func() bool { return strings.Contains(w.ask("heard"), fmt.Sprintf("%d has ended", third)) })
	if !lives(first) {
		t.Error("the first has ended")
	}
	w.ends("linger")
	w.eventually("the first has ended", func() bool { return !lives(first) })
}

func TestAFurtherUpgradeWaitsWhileTwoOldFrontsLive(t *testing.T) {
	w := newWhole(t)
	w.begins("linger")
	first := w.number("pid")
	w.wants("<nil>", itself)
	second := w.number("pid")
	w.wants("<nil>", itself)
	third := w.number("pid")
	answer := make(chan string)
	for range 2 {
		go func() { answer <- w.ask(itself) }()
	}
	if got := <-answer; got != "another upgrade is under way" {
		t.Errorf("one of two that were asked for together said %q", got)
	}
	w.signal(second, syscall.SIGKILL)
	if got := <-answer; got != "<nil>" {
		t.Errorf("the other said %q", got)
	}
	fourth := w.number("pid")
	w.wants("<nil>", itself+" now")
	w.eventually("the oldest has ended", func() bool { return !lives(first) })
	if !lives(third) || !lives(fourth) {
		t.Error("another old front has ended")
	}
}

func TestAStopIsForOldFrontsToo(t *testing.T) {
	w := newWhole(t)
	w.begins("linger")
	first := w.number("pid")
	w.wants("<nil>", itself)
	second := w.number("pid")
	w.begins("slow-stop")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
	for _, pid := range []int{first, second} {
		if text := fmt.Sprintf("%d stops", pid); strings.Count(w.output.String(), text) != 1 {
			t.Errorf("%q was not printed once", text)
		}
	}
}

func TestAnOldFrontThatDoesNotEndHoldsUpAStopForALimitedTime(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again %t", again), func(t *testing.T) {
			w := newWhole(t)
			w.begins("linger")
			w.begins("deaf")
			w.number("pid")
			w.wants("<nil>", itself)
			w.wants("done", "stopping")
			begin := time.Now()
			w.ask("exit 0")
			w.eventually("it has ended", func() bool {
				if again {
					_ = w.cmd.Process.Signal(syscall.SIGTERM)
				}
				return w.isOver()
			})
			w.endsWith(0)
			if took := time.Since(begin); took < lastOld != again {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAStopEndsAnUpgrade(t *testing.T) {
	w := newWhole(t)
	w.begins("candidate-hangs")
	w.begins("slow-stop")
	w.number("pid")
	answer := make(chan string)
	go func() { answer <- w.ask(itself) }()
	w.prints("candidate ")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	if got := <-answer; got != "purser is stopping" {
		t.Errorf("it said %q", got)
	}
	w.endsWith(0)
}

func TestNothingOfAnUpgradeIsDoneAfterTheOwnerHasEndedInAStop(t *testing.T) {
	for p := queued; p <= taking; p++ {
		k := newKeeping()
		k.above, k.program = deafPeer(t, k), []int{-1, -1, -1, -1}
		f := &frontProcess{role: owner}
		k.fronts = []*frontProcess{f, {role: old}}
		k.front.runs()
		k.front.isReady(begun)
		k.front.stops()
		k.upgrade = upgrade{phase: p, due: begun.Add(limits[p].time)}
		status := exit0
		f.status = &status
		for now := begun; !k.isOver(now); now = now.Add(time.Second) {
			if now.Sub(begun) > time.Minute {
				t.Fatalf("in phase %d it does not end", p)
			}
			k.lookAtFronts(now)
		}
		k.log.close()
	}
}

func TestAnOldFrontCommandsNothing(t *testing.T) {
	k := newKeeping()
	defer k.log.close()
	k.above = deafPeer(t, k)
	k.program = []int{-1, -1, -1, -1}
	was := &frontProcess{role: old, peer: deafPeer(t, k)}
	k.fronts = []*frontProcess{was, {role: owner, peer: deafPeer(t, k)}, {role: candidate, peer: deafPeer(t, k)}}
	k.children[7] = &child{id: 7, name: "app#1", by: k.fronts[1].peer}
	for _, f := range []*frontProcess{was, k.fronts[2]} {
		for _, m := range []message{{verb: verbFork, id: 9}, {verb: verbHold, name: "door"}, {verb: verbDrop, name: "door"}, {verb: verbNote, name: "a"}, {verb: verbReady}, {verb: verbUpgrade}, {verb: verbPass}, {verb: verbYielded}} {
			if k.obey(request{message: m, files: nulls(t, orders[m.verb].min), from: f.peer}) == nil {
				t.Errorf("%q was obeyed", byte(m.verb))
			}
		}
	}
	k.take(request{message: message{verb: verbStop, id: 7}, from: was.peer})
	if k.children[7].stopping {
		t.Error("an old front has stopped a child of the owner")
	}
}

func TestTheKeeperIsRenewedManyTimesAndLosesNothing(t *testing.T) {
	w := newWhole(t)
	app, keeper := w.number("fork app#1 %s", echo), w.keeper()
	w.wants("<nil>", itself)
	level, began := w.number("descriptors"), memoryOf(t, keeper)
	times := 200
	if testing.Short() {
		times = 20
	}
	for range times {
		old := w.number("pid")
		w.wants("<nil>", itself)
		w.eventually("the old front has ended", func() bool { return !lives(old) })
	}
	w.eventually("no descriptor is left over", func() bool { return w.number("descriptors") <= level })
	now := memoryOf(t, keeper)
	if t.Logf("the keeper has %d descriptors; it had %d kB of its own, and after %d more upgrades %d", level, began, times, now); now > began+began/2 {
		t.Error("it has become larger")
	}
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
	if !lives(app) || w.keeper() != keeper {
		t.Error("the app or the keeper is another")
	}
	w.signal(keeper, syscall.SIGKILL)
	<-w.over
	w.eventually("the app has ended with the keeper", func() bool { return !lives(app) })
}

// memoryOf is what a process has of its own.
func memoryOf(t *testing.T, pid int) (kilobytes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	check(t, err)
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "Private_Dirty: %d kB", &kilobytes); n == 1 {
			return kilobytes
		}
	}
	return 0
}
