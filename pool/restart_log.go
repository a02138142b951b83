package pool

import (
	"slices"
	"time"
)

// A restartLog is the restarts of a group.
type restartLog struct {
	restarts []*restart // the last few, newest last
	next     *followUp  // what is to follow the one that runs; nil = nothing

	impatient time.Time // since when boots have been given up for newer restarts; zero = they were not
}

// running returns the restart that has not ended, or nil.
func (l *restartLog) running() *restart {
	if r := l.lastRestart(); r != nil && r.state == RestartRunning {
		return r
	}
	return nil
}

func (l *restartLog) lastRestart() *restart {
	if len(l.restarts) == 0 {
		return nil
	}
	return l.restarts[len(l.restarts)-1]
}

// restartTo returns the restart that asked for n, or nil.
func (l *restartLog) restartTo(n *generation) *restart {
	for _, r := range slices.Backward(l.restarts) {
		if r.generation == n && !r.way().returning() {
			return r
		}
	}
	return nil
}

// find returns the restart with that id, or nil.
func (l *restartLog) find(id string) *restart {
	for _, r := range l.restarts {
		if r.id == id {
			return r
		}
	}
	if f := l.next; f != nil && f.record.id == id {
		return f.record
	}
	return nil
}

// record appends r to the restarts that are remembered.
func (l *restartLog) record(r *restart) {
	if len(l.restarts) == keptRestarts {
		l.restarts = slices.Delete(l.restarts, 0, 1)
	}
	l.restarts = append(l.restarts, r)
}

// putLast has the restart that runs, if there is one, be the last after another was recorded.
func (l *restartLog) putLast(running *restart) {
	if running != nil {
		last := len(l.restarts) - 1
		l.restarts[last-1], l.restarts[last] = l.restarts[last], l.restarts[last-1]
	}
}
