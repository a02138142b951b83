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

// document is a purser with some apps that are up, each with some processes.
func document(apps, processes int) status.Document {
	d := status.Document{Version: "1.0.0", Name: "web", PID: 4242, Now: noon, Started: noon.Add(-time.Hour)}
	for i := range apps {
		app := status.App{GroupSnapshot: pool.GroupSnapshot{
			Name: fmt.Sprintf("app%02d", i), Root: "/srv/app", Environment: "production", Condition: pool.Up, Generation: 7,
			Release: pool.Release{Path: "/srv/app"}, MaxProcesses: processes,
		}}
		for n := range processes {
			app.Processes = append(app.Processes, status.Process{ProcessSnapshot: pool.ProcessSnapshot{
				Number: n, PID: 4600 + n, State: "ready", Generation: 7, Started: noon.Add(-time.Hour), LastUsed: noon.Add(-3 * time.Second),
			}})
		}
		d.Apps = append(d.Apps, app)
	}
	return d
}

func TestAScreenKeepsTheAppsThatAreNotWell(t *testing.T) {
	d := document(40, 2)
	d.Apps[38].Condition, d.Apps[38].Failure = pool.Failed, &pool.Failure{Reason: "exited with status 1 before it was ready"}
	for i := range 30 {
		d.Apps[i].Condition = pool.Resting
	}
	lines := texts(screenOf(d, 80, 12, false))
	want := []string{
		"Purser 1.0.0, instance web (pid 4242, up 1h 0m 0s)",
		"40 apps: 1 failed, 30 resting, 9 up",
		"",
		"App    Condition  Ready     Queue  Memory  Note",
		"app38  failed     2 of 2        0      0M  exited with status 1 before it was ready",
	}
	if diff := cmp.Diff(want, lines[:5]); diff != "" {
		t.Error(diff)
	}
	if last := lines[len(lines)-1]; len(lines) != 12 || last != "  … and 30 resting, 3 up" {
		t.Errorf("it has %d lines and ends with %q", len(lines), last)
	}
}

func TestAScreenOfOneAppShowsWhatMovesAndWhatFailed(t *testing.T) {
	d := document(1, 22)
	app := &d.Apps[0]
	app.Condition, app.Generation = pool.Resisting, 8
	app.Failure = &pool.Failure{At: noon, Generation: 8, ErrorID: "e5a1", Reason: "exited with status 1 before it was ready"}
	for i := range 50 {
		app.Failure.Output = append(app.Failure.Output, fmt.Sprint("line ", i))
	}
	app.Processes[21].State, app.Processes[21].Generation = "spawning", 8
	screen := texts(screenOf(d, 80, 24, false))
	text := strings.Join(screen, "\n")
	for _, want := range []string{
		"before it was ready", "    | line 0\n", "    | line 49\n", "  4621    starting",
		"  4600    ready            7        0       0         0   0%     0M 3s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q", want)
		}
	}
	if !strings.HasPrefix(screen[len(screen)-1], "  … and ") {
		t.Errorf("it does not say how many it left out")
	}
	if t.Failed() || len(screen) > 24 {
		t.Errorf("the screen of %d lines is\n%s", len(screen), text)
	}
}

func TestAFrameFitsTheTerminal(t *testing.T) {
	for _, apps := range []int{0, 1, 2, 60} {
		for rows := 1; rows < 30; rows++ {
			for _, columns := range []int{10, 40, 80} {
				drawn := frame(screenOf(document(apps, 30), columns, rows, true), columns, rows, true)
				lines := strings.Split(drawn, "\r\n")
				if len(lines) > rows {
					t.Fatalf("%d apps take %d of %d lines", apps, len(lines), rows)
				}
				for _, line := range lines {
					if fitting(line, columns-1) < len(line) && fitting(line, columns) < len(line) {
						t.Fatalf("a line is wider than %d columns: %q", columns, line)
					}
				}
				if strings.Contains(drawn, "\n") && strings.HasSuffix(drawn, "\n") {
					t.Fatal("it ends with a line feed, and the terminal scrolls")
				}
			}
		}
	}
}

func TestLongLinesAreBrokenBetweenWords(t *testing.T) {
	got := wrapped([]string{"  one two three four five", "    | what the app has printed stays"}, 14)
	want := []string{"  one two", "      three", "      four", "      five", "    | what the app has printed stays"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := cut("\x1b[31mred and long\x1b[0m", 3); got != "\x1b[31mred"+resetAttributes {
		t.Errorf("it is cut to %q", got)
	}
}
