package status

import "purser/pool"

// Healthy reports whether an app does what is wanted of it: it serves visitors, at once or after a start,
// or an operator wants that it does not. Only who asks for an app by name is told that it was stopped.
func Healthy(a App, byName bool) bool {
	if a.Paused || a.Maintenance != "" {
		return true
	}
	switch a.Condition {
	case pool.Up, pool.Restarting, pool.Resting:
		return true
	case pool.Resisting, pool.RolledBack:
		for _, p := range a.Processes {
			if p.State == "ready" {
				return true
			}
		}
		return false
	case "stopped":
		return !byName
	}
	return false // starting, failed, hung, closing, and what this purser does not know yet
}

// OlderServe reports whether what failed is code that does not serve: processes are ready, and all are of older code.
func (a App) OlderServe() bool {
	ready := 0
	for _, p := range a.Processes {
		if p.State != "ready" {
			continue
		}
		if a.Failure == nil || p.Generation >= a.Failure.Generation {
			return false
		}
		ready++
	}
	return ready > 0
}
