package status

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"purser/pool"
)

// WriteText writes d in the layout of passenger-status, which people and their monitoring know by
// heart, with what purser adds below each of its lines. With color, headings and troubles stand
// out; leave it off where nobody looks at a terminal.
func WriteText(w io.Writer, d Document, color bool) error {
	t := &text{color: color, now: d.Now, output: math.MaxInt}
	t.header(d)
	t.general(d)
	t.certificates(d)
	t.heading("Application groups")
	if len(d.Apps) == 0 {
		t.none(d)
	}
	for _, app := range d.Apps {
		t.head(app)
		t.processes(app)
		t.workers(app)
		t.line("")
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// none says that there is no app, and where to put one.
func (t *text) none(d Document) {
	t.line("Purser is currently not serving any applications.")
	if len(d.Awaited) > 0 {
		t.line("Write a file with an app (%s), then: purser reload", strings.Join(d.Awaited, ", "))
	}
}

// Head is what the text says of an app before its processes, as lines. Of what a failed start printed it
// has an excerpt of so many.
func Head(a App, now time.Time, output int, color bool) []string {
	t := &text{color: color, now: now, output: output}
	t.head(a)
	return strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n")
}

// text is a status text while it is being written.
type text struct {
	strings.Builder
	color  bool
	now    time.Time
	output int // most lines of what an app printed
}

func (t *text) header(d Document) {
	t.line("Version : %s", d.Version)
	t.line("Date    : %s", d.Now.Format("2006-01-02 15:04:05 -0700"))
	t.line("Instance: %s (pid %d, up %s)", d.Name, d.PID, passengerSpan(d.Now.Sub(d.Started)))
	if d.Users.Front != d.Users.Keeper {
		t.line("Runs as : %s serves, and %s starts and ends the apps", d.Users.Front, d.Users.Keeper)
	}
	t.line("Listen  : %s", strings.Join(d.Listen, ", "))
	t.line("")
}

func (t *text) general(d Document) {
	processes := 0
	for _, app := range d.Apps {
		processes += len(app.Processes) - app.count("spawning")
	}
	t.heading("General information")
	t.line("Max pool size : %d", poolSize(d))
	t.line("App groups    : %d", len(d.Apps))
	t.line("Processes     : %d", processes)
	if r := d.Reload; r != nil {
		t.line("Last reload   : %s", reloaded(*r, d.Now))
	}
	for _, f := range d.OldFronts {
		t.line("Old front     : %s", finishing(f, d.Now))
	}
	if s := d.Spool; s.Held > 0 {
		t.line("Spool         : %s of %s", Megabytes(max(s.Held, 1<<20)), Megabytes(s.Limit))
	}
	if m := d.BufferMemory; m.Held >= 1<<20 {
		t.line("Buffer memory : %s of %s", Megabytes(m.Held), Megabytes(m.Limit))
	}
	// Every request waits with its app. The line is there for those who read it by machine.
	t.line("Requests in top-level queue : 0")
	t.line("")
}

// poolSize is how many processes there may be, but for a restart's surge.
func poolSize(d Document) int {
	sum := 0
	for _, app := range d.Apps {
		sum += app.MaxProcesses
	}
	if d.MaxProcesses > 0 {
		return min(sum, d.MaxProcesses)
	}
	return sum
}

func (t *text) head(a App) {
	t.line("%s:", t.paint(bold, "%s (%s)", a.Name, a.Environment))
	t.line("  App root: %s", a.Root)
	if a.Choice != "" {
		t.line("  Kind    : %s", Printable(a.Choice))
	}
	for _, note := range a.Notes {
		t.line("  Note    : %s", Printable(note))
	}
	if a.User != "" {
		t.line("  Runs as : %s", userAndGroup(a))
	}
	t.line("  Release : %s", release(a.Release))
	t.line("  Condition: %s, generation %d", a.Condition, a.Generation)
	if says := a.withheld(); says != "" {
		t.line("  %s", t.paint(yellow, "Visitors: %s", says))
	}
	t.sources(a)
	t.cache(a)
	t.hung(a)
	t.restart(a)
	t.needs(a)
	if n := a.count("spawning"); n == 1 {
		t.line("  (spawning 1 new process...)")
	} else if n > 1 {
		t.line("  (spawning %d new processes...)", n)
	}
	t.failure(a)
	t.line("  Requests in queue: %d", a.Queue)
}

// hung tells which requests are stuck, and how to see where.
func (t *text) hung(a App) {
	h := a.Hung
	if h == nil {
		return
	}
	t.line("  %s", t.paint(red, "Hung since %s: no process has answered for %s", h.Since.Format("2006-01-02 15:04:05 -0700"), passengerSpan(t.now.Sub(h.Since))))
	pids := ""
	for _, p := range h.Processes {
		t.line("    | pid %d: %s without an answer, the oldest for %s", p.PID, Counted(p.Requests, "request", "requests"), passengerSpan(t.now.Sub(p.Since)))
		pids += " " + strconv.Itoa(p.PID)
	}
	if h.BacktraceSignal != "" {
		t.line("  To see where they hang: kill -%s%s, and read the log", h.BacktraceSignal, pids)
		return
	}
	t.line("  To see where they hang: set backtrace_signal (purser help config)")
}

// failure tells why the app resists a deployment, or has no process at all.
func (t *text) failure(a App) {
	f := a.Failure
	if f == nil {
		return
	}
	what, colour := "Spawning failed", red
	switch a.Condition {
	case pool.Resisting:
		what = "Resisting deployment error"
	case pool.RolledBack:
		what, colour = "Taken back", yellow
	case pool.Hung:
		if a.OlderServe() {
			what, colour = "Not in use", yellow
		}
	}
	t.line("  %s", t.paint(colour, "%s since %s (generation %d, error %s): %s",
		what, f.At.Format("2006-01-02 15:04:05 -0700"), f.Generation, f.ErrorID, Printable(f.Reason)))
	t.printed(f.Output)
	if a.LastGood != nil && (a.Condition == pool.Resisting || a.Condition == pool.RolledBack || a.OlderServe()) {
		t.line("  Serving : %s", release(*a.LastGood))
	}
	if a.RetryAt != nil && a.RetryAt.After(t.now) {
		t.line("  Next try: in %s", passengerSpan(a.RetryAt.Sub(t.now)))
	}
}

// printed writes what an app has printed.
func (t *text) printed(lines []string) {
	for _, line := range Excerpt(lines, t.output) {
		t.line("    | %s", Printable(line))
	}
}

// Excerpt is the first and the last of some lines, of which a program prints either what is wrong: Ruby begins with
// it, Python ends with it. It has as many as most, and one that counts the others.
func Excerpt(lines []string, most int) []string {
	left := len(lines) - most
	if left <= 1 { // to say that one is left out takes a line as well
		return lines
	}
	first := most / 3
	count := fmt.Sprintf("… %d more %s", left, plural(left, "line", "lines"))
	return slices.Concat(lines[:first], []string{count}, lines[first+left:])
}

// processes writes three lines for each process that is not spawning, as wide as the widest needs.
func (t *text) processes(a App) {
	w := widths(a.Processes)
	for _, p := range a.Processes {
		if p.State == "spawning" {
			continue
		}
		// Passenger's columns, 5 2 5 and 5 5, grow with their content instead of shifting the rest.
		t.line("  * PID: %-*d   Sessions: %-*d   Processed: %-*d   Uptime: %s",
			w.first, p.PID, w.second, p.Requests, w.third, p.Processed, passengerSpan(t.now.Sub(p.Started)))
		t.line("    CPU: %-*s   Memory  : %-*s   Last used: %s",
			w.first, Percent(p.CPU), w.second, Megabytes(p.Memory), Ago(p.LastUsed, t.now))
		t.line("    Gen: %-*d   Streams : %-*d   %s",
			w.first, p.Generation, w.second, p.Connections, state(p, a))
	}
}

// columns are the widths of the first three values of a process's lines.
type columns struct{ first, second, third int }

func widths(processes []Process) columns {
	w := columns{5, 5, 5}
	for _, p := range processes {
		w.first = max(w.first, len(strconv.Itoa(p.PID)), len(Percent(p.CPU)))
		w.second = max(w.second, len(strconv.Itoa(p.Requests)), len(Megabytes(p.Memory)))
		w.third = max(w.third, len(strconv.FormatUint(p.Processed, 10)))
	}
	return w
}

func release(r pool.Release) string {
	if r.Revision == "" {
		return r.Path
	}
	return fmt.Sprintf("%s (revision %s)", r.Path, Printable(r.Revision))
}

// count is how many processes are in a state.
func (a App) count(state string) int {
	n := 0
	for _, p := range a.Processes {
		if p.State == state {
			n++
		}
	}
	return n
}

// Attributes of ECMA-48 section 8.3.117 (SGR).
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (t *text) heading(title string) {
	t.line("%s", t.paint(yellow, "----------- %s -----------", title))
}

func (t *text) paint(attribute, format string, args ...any) string {
	s := fmt.Sprintf(format, args...)
	if !t.color {
		return s
	}
	return attribute + s + reset
}

// line appends a line, without the blanks that a padded last column leaves.
func (t *text) line(format string, args ...any) {
	t.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}
