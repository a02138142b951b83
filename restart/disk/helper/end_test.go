package helper

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAHelperThatWasKilledIsFollowedByAnother(t *testing.T) {
	h := newHouse(t)
	for i := range 3 {
		if _, err := h.disk.Resolve(h.path("app/tmp")); err != nil {
			t.Fatal(err)
		}
		pid, count := h.last()
		if count != i+1 {
			t.Errorf("after %d deaths there were %d helpers", i, count)
		}
		h.must(syscall.Kill(pid, syscall.SIGKILL))
	}
}

// Alice stops her helper, as she may.
func TestAHelperThatDoesNotAnswerIsKilledAndHoldsUpNobodyForLong(t *testing.T) {
	h := newHouse(t)
	_, err := h.disk.Resolve(h.path("app/tmp"))
	h.must(err)
	u := h.disk.(owned).user
	u.link.limit = 100 * time.Millisecond
	pid, _ := h.last()
	h.must(syscall.Kill(pid, syscall.SIGSTOP))
	h.eventually("it is stopped", func() bool { return strings.Contains(h.text(fmt.Sprintf("/proc/%d/stat", pid)), ") T ") })
	began := time.Now()
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			if _, err := h.disk.Resolve(h.path("app/tmp")); !errors.Is(err, errSlow) && !errors.Is(err, errLost) {
				t.Errorf("who asks is told: %v", err)
			}
		})
	}
	asking.Wait()
	if _, err := h.disk.Resolve(h.path("app/tmp")); err == nil || !strings.Contains(err.Error(), "started again in") {
		t.Errorf("another was started at once: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	h.eventually("it is killed", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	h.eventually("another answers", func() bool { _, err := h.disk.Resolve(h.path("app/tmp")); return err == nil })
	if n := strings.Count(h.log.String(), "cannot look after"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, &h.log)
	}
}

func TestAHelperThatCannotBeStartedIsTriedAgainLater(t *testing.T) {
	h := newHouse(t)
	starts := 0
	start := h.Helpers.start
	h.Helpers.start = func(User, []string, *os.File) (Process, error) {
		starts++
		return nil, errors.New("no more processes")
	}
	for range 10 {
		if _, err := h.disk.Resolve("/"); err == nil {
			t.Error("it is answered")
		}
	}
	if starts != 1 {
		t.Errorf("it was tried %d times at once", starts)
	}
	if found := h.disk.Stat("/", "etc", "bin"); len(found) != 2 || found[0].Err == nil || found[1].Err == nil {
		t.Errorf("nobody looked, and found is %+v", found)
	}
	if way := h.disk.Walk("/", "/etc"); way.Err == nil {
		t.Errorf("nobody went there, and the way is %+v", way)
	}
	h.Helpers.start = start
	h.eventually("another is tried", func() bool { _, err := h.disk.Resolve("/"); return err == nil })
}

func TestAllAppsOfAUserShareAHelperAndOneOfAnotherHasAnother(t *testing.T) {
	h := newHouse(t)
	blog := h.disk
	shop := h.Disk("shop", User{UID: alice, GID: alice}, Grants{Roots: []string{h.path("shop")}})
	wiki := h.Disk("wiki", User{UID: mallory, GID: mallory}, Grants{Roots: []string{h.path("wiki")}})
	h.own(alice, "shop/REVISION", "app/REVISION")
	h.own(mallory, "wiki/REVISION")
	for range 3 {
		if blog.Revision(h.path("app")) == "" || shop.Revision(h.path("shop")) == "" || wiki.Revision(h.path("wiki")) == "" {
			t.Error("an app has no revision")
		}
	}
	if wiki.Revision(h.path("app")) != "" || blog.Revision(h.path("wiki")) != "" {
		t.Error("one looks into the other's folder")
	}
	if _, count := h.last(); count != 2 {
		t.Errorf("there were %d helpers of two users", count)
	}
	h.Only(func(app string) bool { return app != "shop" })
	if shop.Revision(h.path("shop")) != "" {
		t.Error("an app that is gone is looked at")
	}
	h.Only(func(app string) bool { return app != "wiki" })
	_, count := h.last()
	if _, err := wiki.Resolve("/"); !errors.Is(err, errLost) {
		t.Errorf("for a user without apps it is answered with %v", err)
	}
	if _, now := h.last(); now != count {
		t.Error("a helper was started for a user without apps")
	}
	moved := h.Disk("blog", User{UID: mallory, GID: mallory}, Grants{Roots: []string{h.path("app")}}) // it is mallory's now
	if moved.Revision(h.path("app")) != "" {
		t.Error("mallory reads a folder that is closed to him")
	}
}

func TestAnswersToManyAtOnceAreNotMixedUp(t *testing.T) {
	h := newHouse(t)
	var asking sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("app/tmp/%d", i)
		h.own(alice, name)
		asking.Go(func() {
			for range 50 {
				if real, err := h.disk.Resolve(h.path(name)); err != nil || real != h.path(name) {
					t.Errorf("%s is %s, %v", name, real, err)
				}
			}
		})
	}
	asking.Wait()
}

func TestNobodyMayStartAHelperByHand(t *testing.T) {
	for _, args := range [][]string{{}, {"root=/"}} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = append([]string{Name}, args...)
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(said), "this command is for purser itself") {
			t.Errorf("%q: it says %q, %v", args, said, err)
		}
	}
}

func BenchmarkStat(b *testing.B) {
	h := newHouse(b)
	for b.Loop() {
		h.disk.Stat(h.path("app"), "REVISION")
	}
}
