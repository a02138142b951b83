package helper

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSomeLateAnswersAreForgivenAndManyAreNot(t *testing.T) {
	var s spending
	now := time.Now()
	for i := range 1000 { // as of a disk that is slow at times
		now = now.Add(time.Minute)
		if s.spend(patience, now) {
			t.Fatalf("it is too much with the %d. of one in a minute", i)
		}
	}
	for range 100_000 { // as of a busy machine
		if s.spend(unremarked-1, now) {
			t.Fatal("what is usual is too much")
		}
	}
	late := 0
	for now = now.Add(time.Hour); !s.spend(patience-1, now); late++ {
		now = now.Add(patience - 1)
	}
	if late != 2 {
		t.Errorf("%d late answers were not too much, want 2", late)
	}
	if now = now.Add(time.Hour); s.spend(patience-1, now) {
		t.Error("an hour later it is too much still")
	}
}

// Alice stops her helper, and has it go on just in time.
func TestAHelperThatAnswersLateAgainAndAgainIsKilled(t *testing.T) {
	h := newHouse(t)
	_, err := h.disk.Resolve("/")
	h.must(err)
	u := h.disk.(owned).user
	pid, _ := h.last()
	u.mu.Lock()
	u.spent = spending{level: mostSpent, at: time.Now()}
	u.mu.Unlock()
	h.must(syscall.Kill(pid, syscall.SIGSTOP))
	goOn := time.AfterFunc(10*unremarked, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	defer goOn.Stop()
	if _, err := h.disk.Resolve("/"); err != nil {
		t.Errorf("the late answer is none: %v", err)
	}
	h.eventually("it is killed", func() bool { return strings.HasPrefix(fmt.Sprint(syscall.Kill(pid, 0)), "no such process") })
	if _, err := h.disk.Resolve("/"); err == nil || !strings.Contains(err.Error(), "started again in") {
		t.Errorf("another was started at once: %v", err)
	}
	if n := strings.Count(h.log.String(), "answers late again and again"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, &h.log)
	}
}

// On a slow machine, a helper that many ask at once is late for each of them.
func TestThoseWhoWaitAtTheSameTimeAreNotAddedUp(t *testing.T) {
	var s spending
	now := time.Now()
	for range 50 {
		now = now.Add(time.Millisecond)
		if s.spend(patience/2, now) {
			t.Fatal("a helper that has held up 50 at the same time, and once, is killed")
		}
	}
	for range 10 * mostSpent / patience {
		now = now.Add(patience)
		if s.spend(patience, now) {
			return
		}
	}
	t.Error("one that goes on holding them up is not")
}
