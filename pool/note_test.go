package pool

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// many is a group of a thousand processes, which has been restarted often, with much to say about each time.
func many(t *testing.T, processes int) *story {
	s := tell(t, func(a *conf.App) {
		a.MinProcesses, a.MaxProcesses, a.MaxRequests = processes, processes, 100_000
	})
	for n := range processes {
		s.boots(n + 1)
	}
	s.now = s.now.Add(1000 * time.Hour)
	s.state.settle(s.now)
	for i := range 25 {
		r := s.restarts(fmt.Sprintf("/srv/www/releases/%d/%s", i, strings.Repeat("x", 60)))
		s.now = s.now.Add(time.Hour)
		s.exitsFor(s.state.spawned, strings.Repeat("no table ", 40))
		r.failure.Output = strings.Split(strings.Repeat("a line that was printed\n", 50), "\n")
	}
	for _, p := range s.state.procs {
		p.lent = 99_999
	}
	return s
}

func TestTheNoteOfAThousandProcessesIsShortAndLosesNone(t *testing.T) {
	s := many(t, 1000)
	last := s.state.lastRestart()
	text := noteOf(&s.state, s.now, 0).Text()
	if len(text) >= 64<<10 {
		t.Errorf("it has %d bytes", len(text))
	}
	note, err := ReadNote(text)
	if err != nil {
		t.Fatal(err)
	}
	got(t, "how many processes it has", len(note.Processes), len(s.state.procs))
	got(t, "the last restart", note.Restarts[len(note.Restarts)-1].ID, last.id)
	got(t, "the generation that is wanted", note.Generations[note.Wanted-1].Number, s.state.wanted.number)
	got(t, "the one that serves", note.Generations[note.Good-1].Number, 1)
}

func TestOldRestartsAreLeftOutFirst(t *testing.T) {
	s := many(t, 4)
	n := noteOf(&s.state, s.now, 0)
	got(t, "how many restarts a small app has noted", len(n.Restarts), keptRestarts)
	note, err := ReadNote(n.Text())
	if err != nil {
		t.Fatal(err)
	}
	if len(note.Restarts) >= keptRestarts {
		t.Errorf("all restarts are noted")
	}
	if last := note.Restarts[len(note.Restarts)-1]; len(last.Failure.Output) == 0 {
		t.Errorf("what was printed is left out first")
	}
}

func TestANoteIsReadAsItWasWritten(t *testing.T) {
	s := tell(t, four)
	s.boots(1, 2, 3, 4)
	s.asks()
	s.canary(one)
	s.boots(5)
	s.restarts("/r3")
	s.exits(5)
	was := noteOf(&s.state, s.now, 3)
	is, err := ReadNote(was.Text())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range is.all() {
		for i := range r.Steps {
			r.Steps[i].At = r.Steps[i].At.UTC()
		}
	}
	if !reflect.DeepEqual(is, was) {
		t.Errorf("%+v\nbecomes\n%+v", was, is)
	}
}

func TestTheZeroNoteIsNoText(t *testing.T) {
	if text := (Note{}).Text(); len(text) > 0 {
		t.Errorf("it is %q", text)
	}
}

func TestWhatIsNoNoteIsRefused(t *testing.T) {
	s := tell(t)
	s.boots(1)
	text := string(noteOf(&s.state, s.now, 0).Text())
	for _, c := range []struct{ old, new string }{
		{`{"version":1`, `{"version":2`},
		{`"wanted":1`, `"wanted":3`},
		{`"wanted":1`, `"wanted":0`},
		{`"1 1 `, `"1 2 `},
		{`"1 1 `, `"1 -1 `},
		{`"1 1 `, `"9 1 `},
		{`"1 1 r`, `"1 1 z`},
		{`"1 1 r`, `"1 1 r?`},
		{`"1 1 r`, `"1 1`},
		{`"standing":"working"`, `"standing":"unheard of"`},
		{`{`, ``},
	} {
		bad := strings.Replace(text, c.old, c.new, 1)
		if bad == text {
			t.Fatalf("%s is not in %s", c.old, text)
		}
		if _, err := ReadNote([]byte(bad)); err == nil {
			t.Errorf("it is read with %s in place of %s", c.new, c.old)
		}
	}
}

// FuzzReadNote: whatever is read, a group can go on from.
func FuzzReadNote(f *testing.F) {
	f.Add([]byte(`{"version":1,"generations":[{"number":1}],"wanted":1,"spawned":1,"processes":["1 1 r 0 0"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := ReadNote(text); err == nil {
			s := newStory(t)
			n.restore(&s.state, s.now, func(*Process, bool) Child { return simChild{1} })
			n.Text()
		}
	})
}
