package show

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"purser/pool"
	"purser/status"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// rolling is an app in the middle of a restart: one new process works, one starts, one old one goes,
// and some still serve.
func rolling(app string, serving int) *view {
	process := func(number, pid int, state string, generation int, began time.Duration) status.Process {
		return status.Process{ProcessSnapshot: pool.ProcessSnapshot{Number: number, PID: pid, State: state, Generation: generation, Started: noon.Add(-began)}}
	}
	v := &view{app: app, restart: pool.RestartSnapshot{
		Strategy: pool.Rolling, Generation: 8, Replaced: 1, Total: serving + 2, Started: noon.Add(-2 * time.Second),
		Steps: []pool.Step{{What: "ready", PID: 4711, Generation: 8, At: noon.Add(-400 * time.Millisecond)}},
	}}
	leaving := process(1, 4600, "draining", 7, time.Hour)
	leaving.Requests, leaving.Connections = 1, 2
	v.processes = append(v.processes, leaving)
	for i := range serving {
		v.processes = append(v.processes, process(2+i, 4601+i, "ready", 7, time.Hour))
	}
	v.processes = append(v.processes, process(50, 4711, "ready", 8, 2*time.Second), process(51, 0, "spawning", 8, 400*time.Millisecond))
	return v
}

func texts(lines []blockLine) []string {
	var all []string
	for _, line := range lines {
		all = append(all, line.text)
	}
	return all
}

func TestABlockHasALineForEachProcess(t *testing.T) {
	got := texts(blockOf([]*view{rolling("blog", 2)}, 23, noon))
	want := []string{
		"blog: 1/4 replaced, generation 8, 2.0 s",
		"  pid 4711     ready     generation 8    1.6 s",
		"  pid -        starting  generation 8    0.4 s",
		"  pid 4600     draining  generation 7    has 1 request and 2 connections",
		"  pid 4601     serving   generation 7",
		"  pid 4602     serving   generation 7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestABlockThatIsTooHighKeepsWhatMoves(t *testing.T) {
	got := texts(blockOf([]*view{rolling("blog", 22)}, 5, noon))
	want := []string{
		"blog: 1/24 replaced, generation 8, 2.0 s",
		"  pid 4711     ready     generation 8    1.6 s",
		"  pid -        starting  generation 8    0.4 s",
		"  pid 4600     draining  generation 7    has 1 request and 2 connections",
		"  … and 22 serving",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestABlockNeverExceedsItsHeight(t *testing.T) {
	for apps := 1; apps < 9; apps++ {
		for height := 1; height < 30; height++ {
			var views []*view
			for i := range apps {
				views = append(views, rolling(fmt.Sprint("app", i), 3*i))
			}
			block := texts(blockOf(views, height, noon))
			if len(block) > height {
				t.Fatalf("%d apps take %d of %d lines:\n%s", apps, len(block), height, strings.Join(block, "\n"))
			}
		}
	}
}

func TestAHeadAloneCountsWhatMoves(t *testing.T) {
	v := rolling("blog", 22)
	until := noon.Add(30 * time.Second)
	v.restart.Strategy, v.restart.Probation = pool.BlueGreen, &until
	want := "blog: 1/24 replaced, generation 8, blue-green, probation for another 30.0 s, 1 starting, 1 draining, 2.0 s"
	if got := texts(blockOf([]*view{v}, 1, noon)); len(got) != 1 || got[0] != want {
		t.Errorf("the head is %q, want %q", got, want)
	}
	if got := cut(want, 10); got != "blog: 1/24" {
		t.Errorf("cut to the width it is %q", got)
	}
}
