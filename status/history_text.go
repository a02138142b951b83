package status

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"purser/restart/history"
)

// A HistoryText is how the history is written for people.
type HistoryText struct {
	Now   time.Time
	Width int  // of a line
	Apps  bool // it is that of several apps: say which
	Color bool
}

const (
	mostName = 16 // columns for the name of an app; for who asked as well
	leastSay = 24 // columns that are left for how it ended
)

// WriteHistory writes some entries, each in a line or a few.
func WriteHistory(w io.Writer, entries []history.Entry, h HistoryText) error {
	t := &text{color: h.Color, now: h.Now}
	name, what, by := len("App"), len("What"), len("By")
	for _, e := range entries {
		name, what, by = max(name, columnsOf(appOf(e))), max(what, len(kindOf(e))), max(by, columnsOf(e.By))
	}
	name, by = min(name, mostName), min(by, mostName)
	line := func(when, app, kind, who, says string) string {
		if h.Apps {
			app = padded(app, name) + "  "
		} else {
			app = ""
		}
		return fmt.Sprintf("%-12s  %s%-*s  %s  %s", when, app, what, kind, padded(who, by), says)
	}
	t.line("%s", t.paint(bold, "%s", line("When", "App", "What", "By", "How it went")))
	indent := columnsOf(line("", "", "", "", ""))
	for _, e := range entries {
		says := folded(h.says(e), max(leastSay, h.Width-indent))
		t.outcome(e, line(timeOf(e.Latest(), h.Now), appOf(e), kindOf(e), cmp.Or(Printable(e.By), "-"), says[0]))
		for _, more := range says[1:] {
			t.outcome(e, strings.Repeat(" ", indent)+more)
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// outcome writes a line of e, in its colour.
func (t *text) outcome(e history.Entry, line string) {
	switch e.Outcome {
	case history.Failed, history.Interrupted:
		line = t.paint(red, "%s", strings.TrimRight(line, " "))
	case history.RolledBack, history.Running:
		line = t.paint(yellow, "%s", strings.TrimRight(line, " "))
	}
	t.line("%s", line)
}

func appOf(e history.Entry) string { return cmp.Or(e.App, "-") }

func kindOf(e history.Entry) string { return strings.ReplaceAll(Printable(string(e.Kind)), "-", " ") }

// says is how e went, in words.
func (h HistoryText) says(e history.Entry) string {
	said := h.ended(e)
	if e.Count > 1 {
		said = fmt.Sprintf("%d times since %s", e.Count, timeOf(e.At, h.Now))
	}
	if code := codes(e); code != "" {
		said = joined(said, code)
	}
	if e.PID > 0 {
		said = joined(said, fmt.Sprintf("pid %d", e.PID))
	}
	if e.Failure != "" {
		said += ": " + Printable(e.Failure)
	}
	if e.Reason != "" && e.Reason != e.By {
		said += " (" + Printable(e.Reason) + ")"
	}
	return strings.TrimPrefix(said, ": ")
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// ended is how e ended, and after how long. What befalls an app has no end.
func (h HistoryText) ended(e history.Entry) string {
	switch e.Kind {
	case history.Crash, history.BootFailure, history.Hung, history.PurserKilled, history.FrontCrash:
		return ""
	}
	if e.Outcome == history.Running {
		return "running for " + Span(h.Now.Sub(e.At).Round(time.Second))
	}
	said := strings.ReplaceAll(Printable(string(e.Outcome)), "-", " ")
	if took := e.Took(); took >= time.Millisecond {
		said += " after " + Span(took)
	}
	return said
}

// codes says which code serves after e, and instead of which.
func codes(e history.Entry) string {
	switch {
	case e.To == nil || e.To.Generation == 0:
		return ""
	case e.From == nil:
		return fmt.Sprintf("generation %d", e.To.Generation)
	}
	said := fmt.Sprintf("generation %d to %d", e.From.Generation, e.To.Generation)
	if e.From.Release != e.To.Release && e.From.Release != "" && e.To.Release != "" { // a refused restart has none
		said += fmt.Sprintf(", %s to %s", Printable(e.From.Name()), Printable(e.To.Name()))
	}
	return said
}

// timeOf is a time of day, or a day: as much as tells it.
func timeOf(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		return at.Format("15:04:05")
	case now.Sub(at) < 300*24*time.Hour:
		return at.Format("Jan _2 15:04")
	}
	return at.Format(time.DateOnly)
}

func columnsOf(s string) int { return utf8.RuneCountInString(s) }

// padded is s in so many columns, cut if it has more.
func padded(s string, width int) string {
	s = Printable(s)
	if n := columnsOf(s); n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	return string([]rune(s)[:width-1]) + "…"
}

// folded breaks s between words into lines of that width. A longer word has a line of its own.
func folded(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && columnsOf(line)+1+columnsOf(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
