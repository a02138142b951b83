package operators

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

func TestDetachReplacesExactlyThatProcessUnderLoad(t *testing.T) {
	t.Parallel()
	const n = 4
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n)
	before := harness.SortedPIDs(p.Status(t, "app").Ready())
	load := harness.Load{Addr: p.Addr, Rate: 150}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 50)
	busy := harness.SlowRequest(t, p, 2500) // whoever has it may end it
	victim := awaitBusyWith(t, p)
	if result := p.Run(harness.Within(t), "detach", "app", strconv.Itoa(victim)); result.Code != 0 {
		t.Fatalf("purser detach exited with %d: %s", result.Code, result.Stderr)
	}
	harness.Eventually(t, harness.Patience, "it is replaced", func() bool {
		s := p.Status(t, "app")
		return len(s.Ready()) == n && len(s.Processes) == n && !slices.Contains(s.PIDs(), victim)
	})
	harness.MustBeAnswered(t, busy)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
	harness.MustNotFail(t, load.End())
	status := p.Status(t, "app")
	kept := 0
	for _, pid := range harness.SortedPIDs(status.Ready()) {
		if slices.Contains(before, pid) {
			kept++
		}
	}
	if kept != n-1 || status.Generation != 1 || status.Restart != nil {
		t.Errorf("%d of the other %d were kept; generation %d, restart %+v", kept, n-1, status.Generation, status.Restart)
	}
	harness.MustBeGone(t, []int{victim})
}

// awaitBusyWith waits until a process has a request that stays, and returns its pid. The load's own come and go.
func awaitBusyWith(t *testing.T, p *harness.Purser) (pid int) {
	t.Helper()
	looks := map[int]int{}
	harness.Eventually(t, harness.Patience, "a process has a request that stays", func() bool {
		for _, process := range p.Status(t, "app").Ready() {
			if process.Requests == 0 {
				looks[process.PID] = 0
				continue
			}
			if looks[process.PID]++; looks[process.PID] >= 10 {
				pid = process.PID
			}
		}
		return pid != 0
	})
	return pid
}

func TestDetachOfWhatIsNoProcessOfTheAppIsRefused(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2)
	before := harness.SortedPIDs(p.Status(t, "app").Ready())
	for _, args := range [][]string{{"app", strconv.Itoa(os.Getpid())}, {"app", "0"}, {"app", "all"}, {"blog", strconv.Itoa(before[0])}} {
		if result := p.Run(harness.Within(t), "detach", args[0], args[1]); result.Code != 2 || result.Stderr == "" {
			t.Errorf("purser detach %v exited with %d: %s", args, result.Code, result.Stderr)
		}
	}
	a := p.AdminRequest(t, http.MethodPost, fmt.Sprintf("/v1/apps/app/processes/%d/detach", os.Getpid()), nil)
	if a.StatusCode != http.StatusNotFound || !strings.Contains(a.Body, `"no_process"`) {
		t.Errorf("the detach of a stranger is answered with %d %s", a.StatusCode, a.Body)
	}
	if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(before, now) {
		t.Errorf("the processes were %v, and are %v", before, now)
	}
}
