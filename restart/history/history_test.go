package history

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"purser/pool"
)

func TestWhatHasHappenedIsKeptOverPursersRestart(t *testing.T) {
	h := newHouse(t)
	h.restart("r1", "blog", "alice", pool.RestartRunning, "")
	h.restart("r1", "blog", "alice", pool.RestartDone, "")
	h.Did(Reload, "", "SIGHUP", "", time.Now(), errBad)
	h.stop("root")
	h.start()
	h.mustBe("", "purser-start done, purser-stop done, reload failed, restart done, purser-start done")
	e := h.Entries("blog", 0, time.Time{})[0]
	if e.By != "alice" || e.Reason != "deploy" || e.Took() <= 0 || e.From.Generation != 1 || e.To.Release != "/srv/blog/2" {
		t.Errorf("the restart is remembered as %+v", e)
	}
	if info, err := os.Stat(h.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v (%v), not 0600", info.Mode(), err)
	}
}

func TestAPurserThatWasKilledIsTold(t *testing.T) {
	h := newHouse(t)
	h.restart("r1", "blog", "alice", pool.RestartRunning, "")
	h.start()
	h.mustBe("", "purser-start done, purser-killed failed, restart interrupted, purser-start done")
	h.start()
	h.mustBe("", "purser-start done, purser-killed failed, purser-start done, purser-killed failed, restart interrupted, purser-start done")
	h.End(h.Begin(PurserStart, "", "", ""), errBad) // the next could not begin, and said so
	h.start()
	if got := strings.Count(h.kinds(""), "purser-killed"); got != 2 {
		t.Errorf("a purser that could not begin counts as killed: %s", h.kinds(""))
	}
}

func TestALineThatIsCutOffIsIgnored(t *testing.T) {
	h := newHouse(t)
	h.Did(Scale, "blog", "alice", "3 processes", time.Now(), nil)
	text, _ := os.ReadFile(h.path)
	for end := len(text) - 1; end > len(text)-40; end-- {
		if err := os.WriteFile(h.path, text[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		h.start()
		if want := "purser-start done"; end < len(text)-1 && !strings.HasSuffix(h.kinds(""), want) || strings.Contains(h.said.String(), "cannot be understood") {
			t.Fatalf("with %d of %d bytes the history is %s; said: %s", end, len(text), h.kinds(""), &h.said)
		}
	}
}

func TestDamagedLinesAreLeftOutAndTheOthersKept(t *testing.T) {
	h := newHouse(t)
	h.Did(Stop, "blog", "alice", "", time.Now(), nil)
	h.stop("alice")
	damaged := append([]string{"{", "\x00\x01", strings.Repeat("x", 3*longLine), "[]", `{"seq":1}`}, h.lines()...)
	if err := os.WriteFile(h.path, []byte(strings.Join(damaged, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.mustBe("blog", "stop done")
	if !strings.Contains(h.said.String(), "lines=5") {
		t.Errorf("purser says: %s", &h.said)
	}
	if got := len(h.lines()); got > 6 {
		t.Errorf("the file has %d lines after it was read", got)
	}
}

func TestEqualCrashesInARowAreOneEntry(t *testing.T) {
	h := newHouse(t)
	for i := range 30 {
		h.crash("blog", 2*i, "killed by SIGSEGV")
		h.crash("blog", 2*i+1, "exited with status 1")
		h.crash("shop", i, "exited with status 1")
	}
	h.mustBe("blog", "crash failed, crash failed")
	for _, e := range h.Entries("blog", 0, time.Time{}) {
		if e.Count != 30 || e.Ended == nil || !e.Ended.After(e.At) {
			t.Errorf("the crashes are told as %+v", e)
		}
	}
	h.restart("r1", "blog", "alice", pool.RestartDone, "")
	h.crash("blog", 99, "killed by SIGSEGV")
	h.start()
	h.mustBe("blog", "crash failed, restart done, crash failed, crash failed")
}

func TestOnlyWhatNobodyWantedIsACrash(t *testing.T) {
	h := newHouse(t)
	for i, states := range []string{"spawning ready draining stopping gone", "spawning stopping gone", "spawning ready standby stopping gone"} {
		for state := range strings.FieldsSeq(states) {
			h.process("blog", i, state, "")
		}
	}
	h.mustBe("blog", "")
	h.process("blog", 7, "spawning", "")
	h.process("blog", 7, "gone", "exited with status 1")
	h.See(pool.Event{At: h.now(), App: "blog", Kind: "app", What: "hung", Why: "no process has answered for 5m"})
	h.mustBe("blog", "hung failed, boot-failure failed")
}

func TestAFailedStartOfARestartIsToldByTheRestart(t *testing.T) {
	h := newHouse(t)
	h.restart("r1", "blog", "touch", pool.RestartRunning, "")
	for _, what := range []string{"spawning", "gone"} {
		h.See(pool.Event{At: h.now(), App: "blog", Kind: "process", What: what, Process: 1, Generation: 2, Restart: "r1", Why: "exited with status 1"})
	}
	h.restart("r1", "blog", "touch", pool.RestartFailed, "exited with status 1")
	h.mustBe("blog", "restart failed")
	if e := h.Entries("blog", 0, time.Time{})[0]; e.Failure != "exited with status 1" || e.ErrorID != "beef" {
		t.Errorf("it is told as %+v", e)
	}
	h.restart("r1", "blog", "touch", pool.RestartDone, "") // its code has started after all
	h.mustBe("blog", "restart done")
}

func TestHowRestartsEnd(t *testing.T) {
	h := newHouse(t)
	h.restart("r1", "blog", "alice", pool.RestartSuperseded, "")
	h.restart("r2", "blog", "alice", pool.RestartFailed, "rolled back: checkout is broken")
	h.restarts["r3"] = pool.RestartSnapshot{ID: "r3", App: "blog", By: "alice", Strategy: pool.Rollback, Started: h.now()}
	h.restart("r3", "blog", "alice", pool.RestartDone, "")
	h.Promoted("alice", h.now(), h.restarts["r3"])
	h.mustBe("blog", "promote done, rollback done, restart rolled-back, restart superseded")
	h.restart("r4", "blog", "always_restart.txt", pool.RestartDone, "")
	h.mustBe("blog", "promote done, rollback done, restart rolled-back, restart superseded")
	h.restart("r5", "blog", "alice", pool.RestartRunning, "")
	delete(h.restarts, "r5") // the pool has forgotten it
	h.See(pool.Event{At: h.now(), App: "blog", Kind: "restart", What: "done", Restart: "r5"})
	h.mustBe("blog", "restart done, promote done, rollback done, restart rolled-back, restart superseded")
}

func TestTheHistoryIsBounded(t *testing.T) {
	h := newHouse(t)
	h.Did(Scale, "quiet", "alice", "", time.Now(), nil)
	for i := range 4 * mostPerApp {
		h.crash("blog", i, fmt.Sprint("exited with status ", i))
	}
	if got := len(h.Entries("blog", 0, time.Time{})); got != mostPerApp {
		t.Errorf("%d entries of one app are kept, want %d", got, mostPerApp)
	}
	h.mustBe("quiet", "scale done")
	for i := range most + 100 {
		h.crash(fmt.Sprint("app", i), i, strings.Repeat("x", 10*mostText))
	}
	h.start()
	all := h.Entries("", 0, time.Time{})
	if len(all) != most {
		t.Errorf("%d entries are kept, want %d", len(all), most)
	}
	if !strings.Contains(h.kinds(""), "purser-killed failed") {
		t.Error("it is forgotten that the purser that ran was started")
	}
	for i := range mostLines {
		h.crash("app1", i, fmt.Sprint(i))
	}
	if n := len(h.lines()); n > mostLines {
		t.Errorf("the file has %d lines, want at most %d", n, mostLines)
	}
}

func TestTheNewestAndTheLatest(t *testing.T) {
	h := newHouse(t)
	h.Did(Start, "blog", "alice", "", time.Now().Add(-2*time.Hour), nil)
	h.Did(Stop, "blog", "alice", "", time.Now(), nil)
	if got := h.Entries("blog", 1, time.Time{}); len(got) != 1 || got[0].Kind != Stop {
		t.Errorf("the newest is %+v", got)
	}
	if got := h.Entries("blog", 0, time.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("in an hour there was %+v", got)
	}
}

func TestAFileThatCannotBeWrittenIsSaidOnceAndWrittenLater(t *testing.T) {
	h := newHouse(t)
	full := h.path + ".full"
	if err := os.Rename(h.path, full); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.path, 0o700); err != nil { // nothing can be put in its place
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path+"/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		h.crash("blog", i, fmt.Sprint("exited with status ", i))
	}
	if got := strings.Count(h.said.String(), "cannot write the history"); got != 1 {
		t.Errorf("that it cannot be written is said %d times: %s", got, &h.said)
	}
	if got := len(h.Entries("blog", 0, time.Time{})); got != 5 {
		t.Errorf("%d crashes are remembered meanwhile, want 5", got)
	}
	if err := os.RemoveAll(h.path); err != nil {
		t.Fatal(err)
	}
	h.tryAgain()
	h.crash("blog", 9, "exited with status 9")
	h.start()
	if got := len(h.Entries("blog", 0, time.Time{})); got != 6 {
		t.Errorf("%d crashes are remembered after a restart, want 6", got)
	}
}

func TestAFileThatSomebodyElseHasChangedIsWrittenAnew(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"removed":    os.Remove,
		"emptied":    func(path string) error { return os.Truncate(path, 0) },
		"lengthened": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("hello", 1000)), 0o600) },
	} {
		h := newHouse(t)
		h.Did(Stop, "blog", "alice", "", time.Now(), nil)
		if err := change(h.path); err != nil {
			t.Fatal(err)
		}
		h.Did(Start, "blog", "alice", "", time.Now(), nil)
		h.start()
		if got := h.kinds("blog"); got != "start done, stop done" {
			t.Errorf("after the file was %s, the history is %s", name, got)
		}
	}
}

func TestWithoutAFolderTheHistoryIsInMemory(t *testing.T) {
	h := newHouse(t)
	h.path = ""
	h.start()
	h.Did(Stop, "blog", "alice", "", time.Now(), nil)
	h.mustBe("", "stop done, purser-start done")
	if strings.Contains(h.said.String(), "WARN") {
		t.Errorf("purser says: %s", &h.said)
	}
}
