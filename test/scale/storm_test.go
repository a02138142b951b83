package scale

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

var (
	stormRestarts = flag.Int("restarts", 60, "how many restarts TestStorm orders")
	stormSeed     = flag.Uint64("storm-seed", 1, "seed of TestStorm, to have the same orders again; 0 = another each time")
)

// A storm is restarts at random times, with processes that boot slowly, are killed or stopped in any
// state. Whatever it does to the app, each status has to keep what purser promises.
type storm struct {
	t    *testing.T
	p    *harness.Purser
	site site.Site
	rand *rand.Rand

	mu     sync.Mutex         // guards what follows
	harmed map[int]bool       // pids that the storm killed or stopped; true once their loss was made up for
	known  map[int]bool       // all pids ever seen
	done   map[int]*time.Time // generations whose restart was done, and when that was known
	newest int                // of them
	kills  int
	stops  int
}

const (
	stormProcesses = 4
	stormSurge     = 1
)

func TestStormOfRestartsEndsOnTheNewestRelease(t *testing.T) {
	seed := cmp.Or(*stormSeed, rand.Uint64())
	t.Logf("%d restarts, seed %d", *stormRestarts, seed)
	s := &storm{t: t, site: site.New(t, site.Release{Version: 1}), rand: rand.New(rand.NewPCG(seed, 0)),
		harmed: map[int]bool{}, known: map[int]bool{}, done: map[int]*time.Time{}}
	s.p = s.site.Serve(stormProcesses, `start_timeout = "3s"`, `drain_timeout = "500ms"`, `stop_timeout = "300ms"`, `request_timeout = "1s"`,
		harness.RestartTable(fmt.Sprintf("surge = %d", stormSurge)))
	load := harness.Load{Addr: s.p.Addr, Rate: 20}.Begin()
	defer load.End()
	look := harness.Observe(t, s.p, s.check)

	for n := range *stormRestarts {
		s.restart(n + 2)
		if s.rand.IntN(3) == 0 {
			s.harm()
		}
		<-time.After(s.pause())
	}
	last := s.site.Deploy(site.Release{Version: *stormRestarts + 2})
	harness.MustRestart(t, s.p, 0)

	harness.MustOnlyLive(t, s.p, stormProcesses, last)
	looks := look.End()
	report := load.End()
	s.mustLeaveNothing()
	s.mustNotGoBack(report)
	t.Logf("%d kills, %d stops, %d restarts done before the last; %v; %d looks at the status", s.kills, s.stops, len(s.done), report, looks)
}

// pause is short, so that restarts overtake each other, or long enough for one to get somewhere.
func (s *storm) pause() time.Duration {
	if s.rand.IntN(2) == 0 {
		return time.Duration(s.rand.IntN(30)) * time.Millisecond
	}
	return time.Duration(s.rand.IntN(500)) * time.Millisecond
}

// restart deploys a release and orders a restart, which is all that is waited for.
func (s *storm) restart(version int) {
	s.t.Helper()
	boot := s.rand.IntN(40)
	if s.rand.IntN(10) == 0 {
		boot = 400
	}
	s.site.Deploy(site.Release{Version: version, Boot: boot})
	a := s.p.AdminRequest(s.t, http.MethodPost, "/v1/apps/app/restarts", strings.NewReader("{}"))
	if a.StatusCode != http.StatusAccepted {
		s.t.Fatalf("restart %d was answered with %d: %s", version, a.StatusCode, a.Body)
	}
}

// harm kills or stops a process, in whatever state it is.
func (s *storm) harm() {
	s.t.Helper()
	pids := slices.DeleteFunc(s.p.Status(s.t, "app").PIDs(), func(pid int) bool { return pid == 0 })
	if len(pids) == 0 {
		return
	}
	pid, signal := pids[s.rand.IntN(len(pids))], syscall.SIGKILL
	if s.rand.IntN(2) == 0 {
		signal = syscall.SIGSTOP
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.harmed[pid] = false // before it is, so that no status shows the harm first
	if signal == syscall.SIGKILL {
		s.kills++
	} else {
		s.stops++
	}
	if err := syscall.Kill(pid, signal); err != nil && err != syscall.ESRCH {
		s.t.Fatalf("cannot send %v to %d: %v", signal, pid, err)
	}
}

// check finds what is wrong with one status.
func (s *storm) check(status harness.Status) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if harness.RestartState(status) == "done" && s.done[status.Restart.Generation] == nil {
		now := time.Now()
		s.done[status.Restart.Generation] = &now
		s.newest = max(s.newest, status.Restart.Generation)
	}
	alive := 0
	for _, p := range status.Processes {
		s.known[p.PID] = true
		if p.Generation < s.newest {
			return fmt.Sprintf("process %d is of generation %d, though the restart to %d was done", p.PID, p.Generation, s.newest)
		}
		if _, harmed := s.harmed[p.PID]; !harmed && p.State != "stopping" {
			alive++
		}
	}
	if alive > stormProcesses+stormSurge {
		return fmt.Sprintf("%d processes are alive, not counting those that are stopping or were harmed", alive)
	}
	return s.checkCapacity(status)
}

// checkCapacity finds it wrong if fewer than min are ready for another reason than the storm's harm:
// a process that it harmed counts from then on, until all min are ready again.
func (s *storm) checkCapacity(status harness.Status) string {
	ready := map[int]bool{}
	for _, p := range status.Ready() {
		ready[p.PID] = true
	}
	lost := 0
	for pid, madeUp := range s.harmed {
		switch {
		case ready[pid] || madeUp:
		case len(ready) >= stormProcesses:
			s.harmed[pid] = true
		default:
			lost++
		}
	}
	if len(ready)+lost < stormProcesses {
		return fmt.Sprintf("%d processes are ready, and the storm has taken only %d", len(ready), lost)
	}
	return ""
}

// mustLeaveNothing expects that nothing is left of all the processes that there were.
func (s *storm) mustLeaveNothing() {
	s.t.Helper()
	live := s.p.Status(s.t, "app").PIDs()
	for pid := range s.known {
		if pid != 0 && !slices.Contains(live, pid) && harness.Alive(pid) && harness.Exe(pid) == harness.Exe(live[0]) {
			s.t.Errorf("process %d is left", pid)
		}
	}
	var list struct {
		Restarts []harness.Restart `json:"restarts"`
	}
	s.p.AdminJSON(s.t, "/v1/restarts", &list)
	for _, r := range list.Restarts {
		if r.State == "running" {
			s.t.Errorf("the restart to generation %d is still running", r.Generation)
		}
	}
}

// mustNotGoBack expects that no request sent after a restart was done was answered by older code.
func (s *storm) mustNotGoBack(r harness.Report) {
	s.t.Helper()
	if r.Max() > harness.Patience {
		s.t.Errorf("a request took %v", r.Max())
	}
	for _, sample := range r.Samples {
		generation := harness.GenerationIn(sample.Body)
		for done, at := range s.done {
			if generation != 0 && generation < done && sample.Due.After(*at) {
				s.t.Errorf("a request sent %v after the restart to %d was done got %q", sample.Due.Sub(*at), done, sample.Body)
			}
		}
	}
}
