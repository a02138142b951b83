package status

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"purser/pool"
)

// A Row is an app in one line.
type Row struct {
	Text      string
	Condition pool.Condition
	Calm      bool // nobody has to look at it
	Color     string
}

// WriteList writes a line for each app.
func WriteList(w io.Writer, d Document, color bool) error {
	head, rows := List(d)
	t := &text{color: color}
	for _, line := range head {
		t.line("%s", line)
	}
	for _, row := range rows {
		if row.Color == "" {
			t.line("%s", row.Text)
		} else {
			t.line("%s", t.paint(row.Color, "%s", row.Text))
		}
	}
	t.line("")
	if r := d.Reload; r != nil && (r.Error != "" || len(r.Problems)+len(r.Difference.Pending) > 0) {
		t.line("%s", t.paint(red, "Last reload: %s", reloaded(*r, d.Now)))
	}
	for _, f := range d.OldFronts {
		t.line("Old front: %s", finishing(f, d.Now))
	}
	t.endingCertificates(d)
	t.line("purser status APP shows one of them; purser status --full shows all")
	_, err := io.WriteString(w, t.String())
	return err
}

// List is a line for each app, those that somebody has to look at first, and what stands above them.
func List(d Document) (head []string, rows []Row) {
	name, condition := len("App"), len("Condition")
	for _, a := range d.Apps {
		name, condition = max(name, len(a.Name)), max(condition, len(a.Condition))
	}
	head = []string{
		fmt.Sprintf("Purser %s, instance %s (pid %d, up %s)", d.Version, d.Name, d.PID, passengerSpan(d.Now.Sub(d.Started))),
		summary(d.Apps),
		"",
		fmt.Sprintf("%-*s  %-*s  %-8s  %5s  %6s  %s", name, "App", condition, "Condition", "Ready", "Queue", "Memory", "Note"),
	}
	for _, a := range d.Apps {
		ready := fmt.Sprintf("%d of %d", a.count("ready"), a.MaxProcesses)
		row := Row{Condition: a.Condition}
		row.Text = strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %-8s  %5d  %6s  %s",
			name, a.Name, condition, a.Condition, ready, a.Queue, Megabytes(a.memory()), a.remark(d)), " ")
		row.Color, row.Calm = a.standing()
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.rank(), b.rank()) })
	return head, rows
}

func (r Row) rank() int {
	switch {
	case r.Calm:
		return 2
	case r.Color != red:
		return 1
	}
	return 0
}

// summary is "3 apps: 1 failed, 2 up".
func summary(apps []App) string {
	var found []pool.Condition
	count := map[pool.Condition]int{}
	for _, a := range apps {
		if count[a.Condition]++; count[a.Condition] == 1 {
			found = append(found, a.Condition)
		}
	}
	slices.Sort(found)
	var parts []string
	for _, condition := range found {
		parts = append(parts, fmt.Sprintf("%d %s", count[condition], condition))
	}
	return Counted(len(apps), "app", "apps") + ": " + strings.Join(parts, ", ")
}

// standing is how an app stands out in a list, and whether it need not.
func (a App) standing() (color string, calm bool) {
	switch a.Condition {
	case pool.Up, pool.Resting:
		if a.workerFailure() != nil {
			return red, false
		}
		if a.withheld() != "" {
			return yellow, false
		}
		return "", len(a.NeedsRestart) == 0 && a.Queue == 0
	case pool.Restarting, pool.Starting, pool.RolledBack, pool.Closing, pool.Stopped:
		return yellow, false
	}
	return red, false
}

func (a App) memory() (sum int64) {
	for _, p := range a.Processes {
		sum += p.Memory
	}
	for _, w := range a.Workers {
		for _, p := range w.Processes {
			sum += p.Memory
		}
	}
	return sum
}

// remark is what there is to say of an app, if there is only one line for it.
func (a App) remark(d Document) string {
	r := a.Restart
	switch {
	case r != nil && r.State == pool.RestartCanary:
		return "canary: " + Canary(r)
	case r != nil && underWay(r):
		return fmt.Sprintf("%s: %d of %d replaced, since %s", doing(r), r.Replaced, r.Total, passengerSpan(d.Now.Sub(r.Started)))
	case a.withheld() != "":
		return a.withheld()
	case a.Hung != nil:
		return "no process has answered for " + passengerSpan(d.Now.Sub(a.Hung.Since))
	case a.Failure != nil:
		return Printable(a.Failure.Reason)
	case a.workerFailure() != nil:
		return Printable(a.workerFailure().Reason)
	case r != nil && r.State == pool.RestartFailed && r.Failure != nil:
		return fmt.Sprintf("last %s failed %s: %s", NameOf(r), Ago(r.Failure.At, d.Now), Printable(r.Failure.Reason))
	case len(a.NeedsRestart) > 0:
		return "needs a restart: " + Printable(a.NeedsRestart[0].Reason)
	}
	return ""
}
