package test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

// headers are the names and values that the app shows as JSON.
func headers(t *testing.T, a harness.Answer) map[string]string {
	t.Helper()
	var seen map[string]string
	if err := json.Unmarshal([]byte(a.Body), &seen); err != nil {
		t.Fatalf("the app answered %d %q: %v", a.StatusCode, a.Body, err)
	}
	return seen
}

// census asks n processes of an app, each of which takes one request at a time, at once, and returns
// what each has answered by its pid.
func census(t *testing.T, p *harness.Purser, n int) map[int]string {
	t.Helper()
	asked := make([]*wire, n)
	for i := range asked {
		asked[i] = dial(t, p)
		asked[i].send("GET /slow?ms=300 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	}
	found := map[int]string{}
	for _, w := range asked {
		a := w.answer("GET")
		pid, err := strconv.Atoi(wordIn(a.Body, "pid"))
		if a.StatusCode != 200 || err != nil {
			t.Fatalf("a process answered %d %q", a.StatusCode, a.Body)
		}
		found[pid] = a.Body
	}
	return found
}

// mustAllBe expects that n processes live, that each answers as this version from this folder, and that
// purser's word for each is what it answers and what the kernel says. The app's concurrency has to be 1.
func mustAllBe(t *testing.T, p *harness.Purser, n, version int, dir string) {
	t.Helper()
	mustOnlyLive(t, p, n, dir)
	answers := census(t, p, n)
	for _, process := range p.Status(t, "app").Processes {
		body, answered := answers[process.PID]
		if !answered {
			t.Errorf("process %d has answered none of %d requests at once", process.PID, n)
			continue
		}
		if wordIn(body, "v") != strconv.Itoa(version) || wordIn(body, "cwd") != dir || wordIn(body, "release") != dir {
			t.Errorf("process %d is not version %d from %s: %q", process.PID, version, dir, body)
		}
		if generationIn(body) != process.Generation {
			t.Errorf("process %d is said to be of generation %d, and says %q", process.PID, process.Generation, body)
		}
	}
}

// mustSay expects each of some texts in what was printed.
func mustSay(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q: %s", text, printed)
		}
	}
}

// sortedPIDs are the pids of processes, in order.
func sortedPIDs(processes []harness.Process) []int {
	pids := harness.Status{Processes: processes}.PIDs()
	slices.Sort(pids)
	return pids
}

func samePIDs(before []int, now []harness.Process) bool {
	pids := harness.Status{Processes: now}.PIDs()
	slices.Sort(before)
	slices.Sort(pids)
	return slices.Equal(before, pids)
}

// mustNotFail fails the test if a request failed, and shows the first few that did.
func mustNotFail(t *testing.T, r harness.Report) {
	t.Helper()
	failed := r.Failed()
	for _, s := range failed[:min(5, len(failed))] {
		t.Logf("failed: due %v, after %v, status %d, error %v, body %.200q", s.Due, s.Latency, s.Status, s.Err, s.Body)
	}
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed", len(failed), len(r.Samples))
	}
}

var generationText = regexp.MustCompile(`\bgen=(\d+)\b`)

// generationIn is the generation that an answer tells of, 0 if it tells of none.
func generationIn(body string) int {
	found := generationText.FindStringSubmatch(body)
	if found == nil {
		return 0
	}
	generation, _ := strconv.Atoi(found[1])
	return generation
}

// wordIn is what follows name= in an answer.
func wordIn(body, name string) string {
	for _, word := range strings.Fields(body) {
		if value, found := strings.CutPrefix(word, name+"="); found {
			return value
		}
	}
	return ""
}

// mustBeGone fails the test if one of the processes lives after a while.
func mustBeGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		harness.Eventually(t, patience, fmt.Sprintf("process %d is gone", pid), func() bool { return !harness.Alive(pid) })
	}
}

// mustOnlyLive fails the test unless purser's children are exactly the ready processes of the app, all
// run from dir.
func mustOnlyLive(t *testing.T, p *harness.Purser, n int, dir string) {
	t.Helper()
	s := p.Status(t, "app")
	if len(s.Ready()) != n || len(s.Processes) != n {
		t.Errorf("not exactly %d ready processes:\n%s", n, describe(s))
	}
	for _, process := range s.Processes {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", process.PID))
		if process.Release != dir || err != nil || at != dir {
			t.Errorf("process %d is of release %s and runs in %s (%v), not in %s", process.PID, process.Release, at, err, dir)
		}
	}
	if below := harness.Descendants(p.PID()); len(below) != n {
		t.Errorf("%d processes live below purser, zombies too, not %d: %+v", len(below), n, below)
	}
}
