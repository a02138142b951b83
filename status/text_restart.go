package status

import (
	"fmt"

	"purser/pool"
	"purser/restart"
)

// restart tells of the restart that is under way, or why the last one did not work.
func (t *text) restart(a App) {
	if a.Overwritten {
		t.line("  Old code: no longer on disk (deployed in place), so it cannot be started again")
	}
	r := a.Restart
	switch {
	case r == nil:
	case r.State == pool.RestartFailed && r.Failure != nil && !isTold(a.Failure, r.Failure):
		t.line("  %s", t.paint(red, "Last %s failed %s (error %s): %s",
			NameOf(r), Ago(r.Failure.At, t.now), r.Failure.ErrorID, Printable(r.Failure.Reason)))
		t.printed(r.Failure.Output)
	case underWay(r):
		t.underWay(a, r)
	}
}

// isTold reports whether the app's own failure tells of that of a restart already.
func isTold(own, restart *pool.Failure) bool {
	return own != nil && (own.ErrorID == restart.ErrorID || own.Generation == restart.Generation && own.Reason == restart.Reason)
}

func (t *text) underWay(a App, r *pool.RestartSnapshot) {
	line := fmt.Sprintf("  (%s... %d/%d, generation %d, ", doing(r), r.Replaced, r.Total, r.Generation)
	if r.Strategy == pool.Blocking || r.Strategy == pool.BlueGreen {
		line += r.Strategy + ", "
	}
	line += "since " + passengerSpan(t.now.Sub(r.Started))
	if r.Reason != "" {
		line += ": " + Printable(r.Reason)
	}
	t.line("%s", t.paint(yellow, "%s)", line))
	for _, step := range r.Steps {
		if step.Note != "" {
			t.line("  Note: %s: %s", step.What, Printable(step.Note))
		}
	}
	if r.State == pool.RestartCanary {
		t.line("  %s", t.paint(yellow, "Canary: %s; purser promote %s or purser rollback %s", Canary(r), a.Name, a.Name))
	}
	if r.Probation != nil {
		t.line("  Probation: its errors are compared with those of the older generation for another %s", passengerSpan(r.Probation.Sub(t.now)))
	}
}

// Canary says how far a restart is that waits at its canary.
func Canary(r *pool.RestartSnapshot) string {
	return fmt.Sprintf("%s of generation %d beside %d old", Counted(r.Replaced, "process", "processes"), r.Generation, r.Total)
}

func doing(r *pool.RestartSnapshot) string {
	if r.Strategy == pool.Rollback {
		return "rolling back"
	}
	return "restarting"
}

// NameOf is what people call a restart, or a rollback, which is one as well.
func NameOf(r *pool.RestartSnapshot) string {
	if r.Strategy == pool.Rollback {
		return pool.Rollback
	}
	return "restart"
}

// mostNeeds is how many needs of one app the text tells.
const mostNeeds = 5

// needs tells why the app needs a restart.
func (t *text) needs(a App) {
	for i, n := range a.NeedsRestart {
		if i == mostNeeds {
			t.line("  Needs restart: for %d more %s, see purser status %s --json", len(a.NeedsRestart)-i, plural(len(a.NeedsRestart)-i, "reason", "reasons"), a.Name)
			return
		}
		t.line("  %s", t.paint(yellow, "Needs restart: %s", t.need(n, a)))
	}
}

func (t *text) need(n restart.Need, a App) string {
	if n.Kind == restart.Marked {
		return fmt.Sprintf("marked %s: %s", Ago(n.Since, t.now), Printable(n.Reason))
	}
	text := fmt.Sprintf("%s %s", Printable(n.Reason), Ago(n.Since, t.now))
	if all := max(a.count("ready"), len(n.PIDs)); len(n.PIDs) > 0 {
		text += fmt.Sprintf(" (%d of %d %s %s older code)", len(n.PIDs), all, plural(all, "process", "processes"), plural(len(n.PIDs), "runs", "run"))
	}
	return text
}

// state is what passenger-status says of a process in an uncommon state, and how far it is.
func state(p Process, a App) string {
	switch {
	case p.State == "draining":
		return fmt.Sprintf("Shutting down... (draining, %d left)", p.Requests+p.Connections)
	case p.State == "stopping":
		return "Shutting down... (stopping)"
	case p.State == "standby":
		return "Kept for a rollback"
	case Leaves(p, a):
		return "Rolling restarting..."
	case a.Restart != nil && a.Restart.State == pool.RestartCanary && p.Generation == a.Restart.Generation:
		return "Ready (canary)"
	}
	return "Ready"
}

// Leaves reports whether a process is to be replaced by the restart that runs.
func Leaves(p Process, a App) bool {
	r := a.Restart
	if r == nil || r.State != pool.RestartRunning {
		return false
	}
	if a.Condition == pool.Resisting && r.Strategy != pool.Rollback { // it is being taken back
		return p.Generation == r.Generation
	}
	return p.Generation != r.Generation
}

// Counted is "1 app", "2 apps".
func Counted(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
