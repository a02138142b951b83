package keeper

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lameKeeper is in the environment of pursers of which no other keeper can take over: it reads something else.
const lameKeeper = "KEEPER_TEST_LAME"

// lame has this process be such a keeper, if it is to be one; the one before can go on.
func lame() {
	if os.Getenv(lameKeeper) != "" && len(os.Args) == len([]string{keeperName, word, "state", "binary"}) {
		stateFormat++
	}
}

func TestIfTheNewKeeperCannotGoOnTheOneBeforeDoes(t *testing.T) {
	w := newWholeWith(t, lameKeeper+"=yes")
	first, keeper := w.number("pid"), w.keeper()
	app := w.number("fork app#1 %s", echo)
	w.wants("the new version could not go on as the keeper of what runs", itself)
	w.prints("the one before was, which therefore goes on itself: it is of format")
	w.wants(fmt.Sprint(first), "pid")
	if w.keeper() != keeper || !lives(app) {
		t.Error("the keeper or the app is another")
	}
	w.number("fork app#2 sleep 3600")
	w.signal(app, syscall.SIGKILL)
	w.wants("killed by signal KILL", "await app#1")
	w.signal(first, syscall.SIGKILL)
	w.wants("fronts 1; app#2 lives; held door,systemd", "left")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
}

func TestChildrenOfARenewedKeeperAreAsThoseBefore(t *testing.T) {
	w := newWhole(t)
	w.wants("<nil>", itself)
	app := w.number("fork app#1 grep -E 'SigBlk|SigIgn' /proc/self/status | tr '\\n' ' '; echo; sleep 3600")
	w.wants("SigBlk: 0000000000000000 SigIgn: 0000000000000000 <nil>", "read app#1")
	w.signal(w.cmd.Process.Pid, syscall.SIGSTOP) // so that nobody else ends what is below
	w.signal(w.keeper(), syscall.SIGKILL)
	w.eventually("the app has ended with the keeper", func() bool { return !lives(app) })
}

// It has its signal of death from the main process, which it hears though it is stopped.
func TestARenewedKeeperEndsWithTheMainProcess(t *testing.T) {
	w := newWhole(t)
	before := w.number("fork app#1 %sexec sleep 3600", escapes["a double fork"])
	w.wants("<nil>", itself)
	after := w.number("fork app#2 %sexec sleep 3600", escapes["another session"])
	keeper := w.keeper()
	w.signal(keeper, syscall.SIGSTOP)
	w.signal(w.cmd.Process.Pid, syscall.SIGKILL)
	for _, pid := range []int{before, after, keeper} {
		w.eventually("nothing is left", func() bool { return !lives(pid) })
	}
}

// Of TERM and QUIT a program of Go dies in the milliseconds from when its runtime begins until it asks for them.
func TestSignalsAreNoHarmToAKeeperThatIsRenewed(t *testing.T) {
	w := newWhole(t)
	w.number("pid")
	keeper := w.keeper()
	signals := []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE}
	over := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			default:
				_ = syscall.Kill(keeper, signals[n%len(signals)])
			}
		}
	})
	for range 20 {
		w.wants("<nil>", itself)
	}
	close(over)
	done.Wait()
	if w.keeper() != keeper {
		t.Error("the keeper is another")
	}
}

// What is said to the keeper while it is renewed, and what it is to say, is not lost.
func TestNothingThatIsSaidIsLostWhenTheKeeperIsRenewed(t *testing.T) {
	w := newWhole(t)
	w.begins("linger")
	for range 2 {
		begin := w.ask("storm")
		w.wants("<nil>", itself)
		w.prints("all that was forked was told of: " + begin)
	}
}

func TestAKeepersStateIsTheSameAfterwards(t *testing.T) {
	k := newKeeping()
	defer k.log.close()
	k.above = deafPeer(t, k)
	f := &frontProcess{role: owner, pid: 7, peer: deafPeer(t, k)}
	k.fronts = []*frontProcess{f, {role: dismissed, pid: 8}}
	k.front.begun, k.front.wait, k.last, k.asker, k.version = 3, firstWait, 12, f, "1.2"
	k.program, k.binaries = []int{10, 11, 12, 13}, binaries{14, -1, 15}
	k.held["not \xff text"], k.notes["group/app"] = 20, 21
	k.children[12] = &child{id: 12, name: "app#1", pid: 99, mark: "x.12", by: f.peer, keep: []int{-1, 30, 31}, stopping: true, strays: []member{{pid: 100, start: "5"}}}
	k.children[11] = &child{id: 11, pid: 98, mark: "x.11", exited: true, killing: true}
	k.kin[100] = kin{"5", 12}
	s, err := parseState(k.save().text())
	check(t, err)
	if want := len([]string{"program", "", "", "", "main", "binary", "next", "front", "stdout", "stderr", "held", "note"}); len(s.files()) != want {
		t.Errorf("it has %d descriptors, want %d: %v", len(s.files()), want, s.files())
	}
	again, err := parseState(s.text())
	check(t, err)
	if !reflect.DeepEqual(s, again) || string(s.text()) != string(again.text()) {
		t.Errorf("it was %+v, and is %+v", s, again)
	}
	if s.Held[0].Name != "not \xff text" {
		t.Errorf("a name is %q", s.Held[0].Name)
	}
}

func TestAStateThatIsNoneIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no text":               {``, "unexpected end"},
		"another format":        {`{"Format":2,"Program":[1,2,3,4],"Fronts":[{"Role":2}]}`, "it is of format 2"},
		"no owner":              {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":4}]}`, "nothing serves"},
		"two owners":            {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2},{"Role":2}]}`, "nothing serves"},
		"no program":            {`{"Format":1,"Fronts":[{"Role":2}]}`, "nothing serves"},
		"a front of two roles":  {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":3}]}`, "has the role 3"},
		"nobody has asked":      {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2}],"Asker":1}`, "nothing serves"},
		"a child of nobody":     {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2}],"Last":1,"Children":[{"ID":1,"PID":5,"By":1}]}`, "child 1 is not"},
		"a child without a pid": {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2}],"Last":1,"Children":[{"ID":1}]}`, "child 1 is not"},
		"a child of later":      {`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2}],"Children":[{"ID":1,"PID":5}]}`, "child 1 is not"},
	} {
		if _, err := parseState([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzStates(f *testing.F) {
	f.Add([]byte(`{"Format":1,"Program":[1,2,3,4],"Fronts":[{"Role":2,"PID":9,"Socket":7}],"Last":1,"Children":[{"ID":1,"PID":5,"Name":"\"app#1\"","Keep":[-1,3,4]}],"Held":[{"Name":"\"\\xff\"","File":3}]}`))
	f.Add([]byte(`{"Format":1}`))
	f.Fuzz(func(t *testing.T, all []byte) {
		s, err := parseState(all)
		if err != nil {
			return
		}
		again, err := parseState(s.text())
		if err != nil || string(s.text()) != string(again.text()) {
			t.Errorf("%q was read as %+v, and then as %+v (%v)", all, s, again, err)
		}
		s.files()
	})
}
