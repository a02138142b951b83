package spawn

import (
	"slices"
	"strings"
	"testing"
)

func TestOutputIsLoggedLineByLine(t *testing.T) {
	st := newStage(t, "chatters", nil)
	failure := st.startFails()
	var stdout, stderr []string
	for _, line := range st.log.lines() {
		if line.App != "blog" || line.PID == 0 || line.Generation != 7 {
			t.Fatalf("the line is tagged %+v", line)
		}
		if line.Stream == "stdout" {
			stdout = append(stdout, line.Text)
		} else {
			stderr = append(stderr, line.Text)
		}
	}
	want := []string{
		"first", "", strings.Repeat("a", maxLine), strings.Repeat("b", maxLine), "bb",
		"ünï\tcode \\x1b[31mred\\x00\\xff\\xfe",
	}
	if !slices.Equal(stdout, want) {
		t.Errorf("stdout is %.300q, want %.300q", stdout, want)
	}
	if len(stderr) != 101 || stderr[100] != "last without end" {
		t.Errorf("stderr has %d lines, the last is %q", len(stderr), stderr[len(stderr)-1])
	}
	if kept := failure.LastLines(); len(kept) != keptLines {
		t.Errorf("%d lines are kept, want %d", len(kept), keptLines)
	}
	contains(t, failure.LastLines(), "last without end")
}

func TestTailKeepsTheLastLinesInOrder(t *testing.T) {
	var tail tail
	if got := tail.lines(); len(got) != 0 {
		t.Errorf("an empty tail has %q", got)
	}
	for i := range keptLines + 3 {
		tail.add(strings.Repeat("x", i))
	}
	tail.add(strings.Repeat("é", keptBytes))
	lines := tail.lines()
	if len(lines) != keptLines || len(lines[0]) != 4 || len(lines[48]) != 52 {
		t.Errorf("%d lines, the first of %d bytes, the last but one of %d", len(lines), len(lines[0]), len(lines[48]))
	}
	if want := strings.Repeat("é", keptBytes/2) + "…"; lines[49] != want {
		t.Errorf("a long line is kept as %d bytes, want %d", len(lines[49]), len(want))
	}
}
