package harness

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// MustNotFail fails the test if a request failed, and shows the first few that did.
func MustNotFail(t *testing.T, r Report) {
	t.Helper()
	failed := r.Failed()
	for _, s := range failed[:min(5, len(failed))] {
		t.Logf("failed: due %v, after %v, status %d, error %v, body %.200q", s.Due, s.Latency, s.Status, s.Err, s.Body)
	}
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed", len(failed), len(r.Samples))
	}
}

// MustSay expects each of some texts in what was printed.
func MustSay(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q: %s", text, printed)
		}
	}
}

// MustBeGone fails the test if one of the processes lives after a while.
func MustBeGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		Eventually(t, Patience, fmt.Sprintf("process %d is gone", pid), func() bool { return !Alive(pid) })
	}
}

// MustOnlyLive fails the test unless purser's children are exactly the ready processes of the app, all
// run from dir.
func MustOnlyLive(t *testing.T, p *Purser, n int, dir string) {
	t.Helper()
	s := p.Status(t, "app")
	if len(s.Ready()) != n || len(s.Processes) != n {
		t.Errorf("not exactly %d ready processes:\n%s", n, Describe(s))
	}
	for _, process := range s.Processes {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", process.PID))
		if process.Release != dir || err != nil || at != dir {
			t.Errorf("process %d is of release %s and runs in %s (%v), not in %s", process.PID, process.Release, at, err, dir)
		}
	}
	if below := p.Family(); len(below) != n {
		t.Errorf("%d processes live below purser, zombies too, not %d: %+v", len(below), n, below)
	}
}

// MustAllBe expects that n processes live, that each answers as this version from this folder, and that
// purser's word for each is what it answers and what the kernel says. The app's concurrency has to be 1.
func MustAllBe(t *testing.T, p *Purser, n, version int, dir string) {
	t.Helper()
	MustOnlyLive(t, p, n, dir)
	answers := AskEach(t, p, n)
	for _, process := range p.Status(t, "app").Ready() { // another may be tried meanwhile
		body, answered := answers[process.PID]
		if !answered {
			t.Errorf("process %d has answered no request", process.PID)
			continue
		}
		if WordIn(body, "v") != strconv.Itoa(version) || WordIn(body, "cwd") != dir || WordIn(body, "release") != dir {
			t.Errorf("process %d is not version %d from %s: %q", process.PID, version, dir, body)
		}
		if GenerationIn(body) != process.Generation {
			t.Errorf("process %d is said to be of generation %d, and says %q", process.PID, process.Generation, body)
		}
	}
}

// AskEach asks n processes of an app, each of which takes one request at a time, and returns what each has
// answered by its pid. On a busy machine one of them can have answered before the last is asked, so they may be
// asked again.
func AskEach(t *testing.T, p *Purser, n int) map[int]string {
	t.Helper()
	found := map[int]string{}
	for end := time.Now().Add(Patience); len(found) < n && time.Now().Before(end); {
		maps.Copy(found, askAtOnce(t, p, n))
	}
	return found
}

func askAtOnce(t *testing.T, p *Purser, n int) map[int]string {
	t.Helper()
	asked := make([]*Conn, n)
	for i := range asked {
		asked[i] = Dial(t, p)
		asked[i].Send("GET /slow?ms=300 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	}
	found := map[int]string{}
	for _, w := range asked {
		a := w.Answer("GET")
		pid, err := strconv.Atoi(WordIn(a.Body, "pid"))
		if a.StatusCode != 200 || err != nil {
			t.Fatalf("a process answered %d %q", a.StatusCode, a.Body)
		}
		found[pid] = a.Body
	}
	return found
}

// SamePIDs reports whether the processes are exactly those.
func SamePIDs(before []int, now []Process) bool {
	pids := Status{Processes: now}.PIDs()
	slices.Sort(before)
	slices.Sort(pids)
	return slices.Equal(before, pids)
}

// SortedPIDs are the pids of processes, in order.
func SortedPIDs(processes []Process) []int {
	pids := Status{Processes: processes}.PIDs()
	slices.Sort(pids)
	return pids
}

// NamesIn are the names and values that the app shows as JSON.
func NamesIn(t *testing.T, a Answer) map[string]string {
	t.Helper()
	var seen map[string]string
	if err := json.Unmarshal([]byte(a.Body), &seen); err != nil {
		t.Fatalf("the app answered %d %q: %v", a.StatusCode, a.Body, err)
	}
	return seen
}

// WordIn is what follows name= in an answer.
func WordIn(body, name string) string {
	for _, word := range strings.Fields(body) {
		if value, found := strings.CutPrefix(word, name+"="); found {
			return value
		}
	}
	return ""
}

// GenerationIn is the generation that an answer tells of, 0 if it tells of none.
func GenerationIn(body string) int {
	found := generationText.FindStringSubmatch(body)
	if found == nil {
		return 0
	}
	generation, _ := strconv.Atoi(found[1])
	return generation
}

var generationText = regexp.MustCompile(`\bgen=(\d+)\b`)
