package operators

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// leads is what may follow a state of a process; "" is that it was not there.
var leads = map[string][]string{
	"":         {"spawning"},
	"spawning": {"ready", "stopping", "gone"},
	"ready":    {"draining", "gone"},
	"draining": {"stopping", "gone"},
	"stopping": {"gone"},
}

func TestEventsTellEachTransitionOnceThroughTwoRestartsAndACrash(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(3)
	events := p.Follow(t, "0")
	s.Deploy(site.Release{Version: 2, Boot: 50})
	harness.MustRestart(t, p, 0)
	harness.MustReplaceKilled(t, p, 3, p.Status(t, "app").Ready()[0].PID)
	s.Deploy(site.Release{Version: 3, Boot: 50})
	harness.MustRestart(t, p, 0)
	const ended = 3 + 3 + 1 // processes: those of two generations, and the one that was killed
	harness.Eventually(t, harness.Patience, "all that went are told gone, and after them the end of the second restart", func() bool {
		seen := events.Seen(t)
		return count(seen, "process", "gone") == ended && count(seen, "restart", "done") == 2
	})

	all := events.Seen(t)
	state := mustBeLives(t, all)
	live := map[int]int{} // generation of each process that is not gone, by pid
	for _, p := range state {
		if p.What != "gone" {
			live[p.PID] = p.Generation
		}
		if p.What != "gone" && p.What != "ready" {
			t.Errorf("process %d (pid %d) is left %s", p.Process, p.PID, p.What)
		}
	}
	for _, process := range p.Status(t, "app").Processes {
		if live[process.PID] != process.Generation {
			t.Errorf("status shows pid %d of generation %d, and the events say %d", process.PID, process.Generation, live[process.PID])
		}
		delete(live, process.PID)
	}
	if len(live) > 0 {
		t.Errorf("the events tell of processes that do not live: %v", live)
	}
	for what, want := range map[string]int{"requested": 2, "done": 2, "failed": 0, "superseded": 0} {
		if got := count(all, "restart", what); got != want {
			t.Errorf("%d restarts are told %s, not %d", got, what, want)
		}
	}
	for what, want := range map[string]int{"spawning": 10, "ready": 10, "gone": ended, "stopping": 6} {
		if got := count(all, "process", what); got != want {
			t.Errorf("%d processes are told %s, not %d", got, what, want)
		}
	}
	mustResume(t, p, all)
}

// count is how many of the events are of a kind and say that.
func count(all []harness.Event, kind, what string) (n int) {
	for _, e := range all {
		if e.Kind == kind && e.What == what {
			n++
		}
	}
	return n
}

// mustBeLives expects a sequence without a gap in which each process goes through the states that there are,
// and returns the last event of each.
func mustBeLives(t *testing.T, all []harness.Event) map[int]harness.Event {
	t.Helper()
	state := map[int]harness.Event{}
	for i, e := range all {
		if e.Seq != all[0].Seq+i || e.ID != strconv.Itoa(e.Seq) || e.Name != e.Kind || e.App != "app" {
			t.Errorf("event %d after %d is %+v", i, all[0].Seq, e)
		}
		if i > 0 && e.At.Before(all[i-1].At) {
			t.Errorf("event %d is of %v, before the one before it", e.Seq, e.At)
		}
		if e.Kind != "process" {
			continue
		}
		before := state[e.Process]
		if !slices.Contains(leads[before.What], e.What) {
			t.Errorf("process %d was %q, and came to be %s", e.Process, before.What, e.What)
		}
		if before.What != "" && before.Generation != e.Generation || before.PID != 0 && before.PID != e.PID {
			t.Errorf("process %d was %+v, and is %+v", e.Process, before, e)
		}
		state[e.Process] = e
	}
	return state
}

// mustResume expects that who comes back gets what it has missed, and nothing else.
func mustResume(t *testing.T, p *harness.Purser, all []harness.Event) {
	t.Helper()
	for _, last := range []int{0, 1, len(all) / 2, len(all) - 1} {
		again := p.Follow(t, strconv.Itoa(last))
		harness.Eventually(t, harness.Patience, "what was missed is told", func() bool { return len(again.Seen(t)) >= len(all)-last })
		again.Close()
		if seen := again.Seen(t); !slices.Equal(seen, all[last:]) {
			t.Errorf("after event %d came %d events from %+v, not %d from %+v", last, len(seen), seen[0], len(all)-last, all[last])
		}
	}
	ahead := p.Follow(t, "1000000") // as of a purser that was before this one
	harness.Eventually(t, harness.Patience, "a loss is told, and all there is", func() bool { return len(ahead.Seen(t)) > len(all) })
	if seen := ahead.Seen(t); seen[0].Name != "lost" || !slices.Equal(seen[1:], all) {
		t.Errorf("to who knows more than there is is told %+v", seen[0])
	}
	if a := p.AdminRequest(t, http.MethodGet, "/v1/events?after=yesterday", nil); a.StatusCode != http.StatusBadRequest {
		t.Errorf("after=yesterday is answered with %d", a.StatusCode)
	}
}

func TestReaderThatLosesItsConnectionInMidRollMissesNothing(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(4)
	var all []harness.Event
	last := "0"
	s.Deploy(site.Release{Version: 2, Boot: 150})
	rolling := harness.StartCommand(t, p, "restart", "app")
	for done := false; !done; {
		part := p.Follow(t, last)
		harness.Eventually(t, harness.Patience, "there is something new", func() bool { return len(part.Seen(t)) > 0 })
		part.Close() // in the middle of whatever comes next
		all = append(all, part.Seen(t)...)
		last = all[len(all)-1].ID
		done = count(all, "process", "gone") == 4 && count(all, "restart", "done") == 1
	}
	rolling.MustExit(t, 0)
	mustBeLives(t, all)
	if ready := count(all, "process", "ready"); ready != 8 || all[0].Seq != 1 {
		t.Errorf("put together, %d processes are told ready, from event %d on", ready, all[0].Seq)
	}
}

// A line is one of purser restart --json.
type line struct {
	At         time.Time        `json:"at"`
	App        string           `json:"app"`
	ID         string           `json:"id"`
	Generation int              `json:"generation"`
	Event      string           `json:"event"`
	PID        int              `json:"pid"`
	State      string           `json:"state"`
	Replaced   int              `json:"replaced"`
	Total      int              `json:"total"`
	Failure    *harness.Failure `json:"failure"`
}

// linesOf are the lines that were printed, each of which has to be JSON.
func linesOf(t *testing.T, printed string) []line {
	t.Helper()
	var all []line
	for text := range strings.Lines(printed) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("a line is no JSON: %v: %q", err, text)
		}
		all = append(all, l)
	}
	if len(all) < 2 || all[0].Event != "accepted" || all[len(all)-1].Event != "ended" {
		t.Fatalf("the lines do not go from accepted to ended:\n%s", printed)
	}
	return all
}

func TestRestartJSONIsOneEventALineAndEndsWithTheEnd(t *testing.T) {
	t.Parallel()
	const n = 3
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n)
	s.Deploy(site.Release{Version: 2, Boot: 50})
	all := linesOf(t, harness.MustRestart(t, p, 0, "--json").Stdout)
	times, replaced := map[string]int{}, 0
	for _, l := range all {
		times[l.Event]++
		if l.App != "app" || l.ID != all[0].ID || l.Replaced < replaced || l.Event == "ready" && (l.PID == 0 || l.Generation != 2) {
			t.Errorf("a line is %+v", l)
		}
		replaced = l.Replaced
	}
	for event, want := range map[string]int{"accepted": 1, "requested": 1, "spawning": n, "ready": n, "draining": n, "ended": 1} {
		if times[event] != want {
			t.Errorf("%d lines say %s, not %d: %+v", times[event], event, want, all)
		}
	}
	if end := all[len(all)-1]; end.State != "done" || end.Replaced != n || end.Total != n || end.Failure != nil {
		t.Errorf("the last line is %+v", end)
	}

	s.Deploy(site.Release{Version: 3, Exit: "no such table"})
	all = linesOf(t, harness.MustRestart(t, p, 1, "--json").Stdout)
	if end := all[len(all)-1]; end.State != "failed" || end.Failure == nil || !slices.Contains(end.Failure.Output, "no such table") {
		t.Errorf("the last line of a restart that fails is %+v", end)
	}
}

func TestLongPollAnswersWhenTheRestartHasEndedAndNotBefore(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2)
	s.Deploy(site.Release{Version: 2, Boot: 500})
	begin := time.Now()
	accepted := p.Order(t, "app", `{"reason":"release 2"}`)
	if accepted.Generation != 2 || accepted.Location != "/v1/restarts/"+accepted.ID {
		t.Errorf("the order is answered with %+v", accepted)
	}
	if c := p.Course(t, accepted.ID, "50ms"); c.State != "running" || c.Ended != nil {
		t.Errorf("after 50 ms it is %s", c.State)
	}
	var first harness.Course
	p.AdminJSON(t, accepted.Location+"?wait=30s&after=2", &first) // requested, spawning, and one more
	if first.State != "running" || len(first.Steps) < 3 {
		t.Errorf("at the third step it is %s with %d steps", first.State, len(first.Steps))
	}
	c := p.Course(t, accepted.ID, "30s")
	took := time.Since(begin)
	if c.State != "done" || c.Ended == nil || c.Reason != "release 2" || c.Replaced != 2 || c.Total != 2 {
		t.Errorf("it ended as %+v", c)
	}
	if took < time.Second || took > 20*time.Second {
		t.Errorf("two boots of 500 ms, one after the other, were answered after %v", took)
	}
	for i, step := range c.Steps {
		if i > 0 && step.At.Before(c.Steps[i-1].At) || step.At.Before(c.Started) || step.At.After(*c.Ended) {
			t.Errorf("step %d of %v is %+v", i, c.Started, step)
		}
	}
	if what := c.Steps[len(c.Steps)-1].What; what != "done" {
		t.Errorf("the last step is %s", what)
	}
	if again := p.Course(t, accepted.ID, "60s"); again.State != "done" {
		t.Errorf("later it is %s", again.State)
	}
}

func TestRestartStatusTellsHowTheLastOneEnded(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node") // in place, so that all of them write the same file
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `env = { BOOT_MS = "1000" }`)})
	s := site.Site{T: t, Dir: app.Dir}
	harness.Symlink(t, app.Dir, s.Current())
	expect := func(generation int, state string) harness.Course {
		t.Helper()
		note := site.AwaitNote(t, s, generation)
		if note.State != state || note.App != "app" || note.Ended == nil || len(note.Steps) == 0 {
			t.Errorf("restart.status says %+v, not %s", note, state)
		}
		return note
	}
	harness.MustRestart(t, p, 0, "--reason", "the first")
	if note := expect(2, "done"); note.Reason != "the first" {
		t.Errorf("restart.status has the reason %q", note.Reason)
	}
	app.Write("VERSION", "broken")
	harness.MustRestart(t, p, 1)
	if note := expect(3, "failed"); note.Failure == nil || !strings.Contains(strings.Join(note.Failure.Output, "\n"), "this release is broken") {
		t.Errorf("restart.status has the failure %+v", note.Failure)
	}
	app.Write("VERSION", "4") // boots for a second, and then the next: time enough to look
	first := harness.StartCommand(t, p, "restart", "app")
	harness.AwaitGeneration(t, p, 4)
	second := harness.StartCommand(t, p, "restart", "app")
	first.MustExit(t, 3)
	expect(4, "superseded")
	second.MustExit(t, 0)
	expect(5, "done")
}
