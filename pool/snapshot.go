package pool

import "time"

// A GroupSnapshot is what a group was at one moment: the facts, and its derived condition.
type GroupSnapshot struct {
	Name         string            `json:"name"`
	Root         string            `json:"root"`
	Kind         string            `json:"kind"`
	Choice       string            `json:"choice,omitempty"` // the kind, what says so, and what else was there
	Notes        []string          `json:"notes,omitempty"`  // what an operator should know of what was found in the folder
	Environment  string            `json:"environment"`
	Condition    Condition         `json:"condition"`
	Paused       bool              `json:"paused,omitempty"` // by an operator: requests wait
	Generation   int               `json:"generation"`       // the wanted one
	Release      Release           `json:"release"`          // the wanted one
	LastGood     *Release          `json:"last_good,omitempty"`
	Overwritten  bool              `json:"overwritten,omitempty"` // the last good code is no longer on disk: the wanted one was deployed in its folder
	MinProcesses int               `json:"min_processes"`
	MaxProcesses int               `json:"max_processes"`
	Concurrency  int               `json:"concurrency"` // -1 = unlimited
	Processes    []ProcessSnapshot `json:"processes"`
	Workers      []WorkerSnapshot  `json:"workers,omitempty"` // what runs beside them, by what it is for
	Processed    uint64            `json:"processed"`         // requests so far, also by processes that are gone
	Queue        int               `json:"queue"`             // requests waiting now
	MaxQueue     int               `json:"max_queue"`         // 0 = unlimited
	Failure      *Failure          `json:"failure,omitempty"`
	Hung         *HungSnapshot     `json:"hung,omitempty"`
	RetryAt      *time.Time        `json:"retry_at,omitempty"` // no spawn before, after a failure
	Restart      *RestartSnapshot  `json:"restart,omitempty"`  // the running one, else the last
}

// A ProcessSnapshot is one process of a GroupSnapshot.
type ProcessSnapshot struct {
	Number      int       `json:"number"` // within its group, never used twice
	PID         int       `json:"pid"`    // 0 while its spawn has not told it yet
	State       string    `json:"state"`
	Generation  int       `json:"generation"`
	Release     string    `json:"release"`         // real path
	Requests    int       `json:"requests"`        // in flight
	Stuck       int       `json:"stuck,omitempty"` // of its requests, those of which nothing has come for hang_after
	Connections int       `json:"connections"`     // long-lived ones (WebSocket, event streams)
	Processed   uint64    `json:"processed"`
	Started     time.Time `json:"started"`
	LastUsed    time.Time `json:"last_used"`
}

// A WorkerSnapshot is what runs beside the web for one purpose.
type WorkerSnapshot struct {
	Name       string          `json:"name"`
	Count      int             `json:"count"`                // that are to run
	Running    int             `json:"running"`              // that have lived for long enough to count as working
	Generation int             `json:"generation,omitempty"` // that they are to be of; 0 = none yet
	Processes  []WorkerProcess `json:"processes"`
	Failure    *Failure        `json:"failure,omitempty"`  // the last start failed, or it died young
	RetryAt    *time.Time      `json:"retry_at,omitempty"` // no start before
}

// A WorkerProcess is one process of a WorkerSnapshot.
type WorkerProcess struct {
	Number     int       `json:"number"` // within the group, never used twice
	PID        int       `json:"pid"`    // 0 while it is not known yet
	State      string    `json:"state"`  // spawning ready stopping
	Generation int       `json:"generation"`
	Release    string    `json:"release"` // real path
	Started    time.Time `json:"started"`
}

// A HungSnapshot is how a group hangs: none of its ready processes has answered anything for hang_after, and each
// has a request that has waited for so long.
type HungSnapshot struct {
	Since           time.Time     `json:"since"` // nothing has come of what was asked
	Requests        int           `json:"requests"`
	Processes       []HungProcess `json:"processes"`
	BacktraceSignal string        `json:"backtrace_signal,omitempty"` // without SIG; has a process print where it hangs
}

// A HungProcess is one process of a HungSnapshot.
type HungProcess struct {
	PID      int       `json:"pid"`
	Requests int       `json:"requests"` // of which nothing has come for hang_after
	Since    time.Time `json:"since"`    // when it was asked the oldest of them
}

// A RestartSnapshot is how far one restart is, or how it ended.
type RestartSnapshot struct {
	ID         string       `json:"id"`
	App        string       `json:"app"`
	Generation int          `json:"generation"`
	Strategy   string       `json:"strategy"` // rolling blocking blue-green rollback
	Reason     string       `json:"reason,omitempty"`
	By         string       `json:"by,omitempty"`   // who asked for it
	From       *Served      `json:"from,omitempty"` // what served before; none = nothing did
	State      RestartState `json:"state"`
	Canary     int          `json:"canary,omitempty"`    // it stops after so many processes, until it is promoted
	Probation  *time.Time   `json:"probation,omitempty"` // its answers are compared with those of the older generation until then
	Replaced   int          `json:"replaced"`            // processes of this generation that are ready
	Total      int          `json:"total"`               // processes to replace
	Started    time.Time    `json:"started"`
	Ended      *time.Time   `json:"ended,omitempty"`
	Release    Release      `json:"release"`
	Steps      []Step       `json:"steps"`
	Failure    *Failure     `json:"failure,omitempty"`
}

// Served is code that has served.
type Served struct {
	Generation int     `json:"generation"`
	Release    Release `json:"release"`
}

// A Step is one thing that a restart did.
type Step struct {
	At         time.Time `json:"at"`
	What       string    `json:"what"` // requested spawning ready draining gone memory blocking switched canary promoted probation rolled-back waiting begun workers worker-starting worker-ready worker-stopping worker-gone; done failed superseded
	PID        int       `json:"pid,omitempty"`
	Generation int       `json:"generation"`
	Note       string    `json:"note,omitempty"`
}

// RestartState is where a restart stands. Running and canary are left, for one of the others.
type RestartState string

const (
	RestartRunning    RestartState = "running"
	RestartCanary     RestartState = "canary"     // so much of it is done as was asked for; it waits for Promote, or Rollback
	RestartDone       RestartState = "done"       // no older process lives, and enough new ones are ready
	RestartFailed     RestartState = "failed"     // the new code did not start, or was taken back; the old serves on
	RestartSuperseded RestartState = "superseded" // a newer restart took over
)

// Condition is what an operator calls a group's state. It is derived, never stored; of several that
// fit, the first in this list is meant.
type Condition string

const (
	Closing    Condition = "closing"     // purser is stopping, or the app is, and some processes live yet
	Stopped    Condition = "stopped"     // an operator has stopped it, and nothing of it lives
	Hung       Condition = "hung"        // no ready process has answered for hang_after, and each has a request that old
	Resisting  Condition = "resisting"   // the newest generation failed, older processes serve
	RolledBack Condition = "rolled-back" // an operator took the newest generation back, older processes serve
	Restarting Condition = "restarting"  // some ready process is of an older generation
	Up         Condition = "up"          // at least one process is ready
	Starting   Condition = "starting"    // none ready, some spawning
	Failed     Condition = "failed"      // none ready or spawning, the last spawn failed
	Resting    Condition = "resting"     // nothing lives and nothing is wanted
)
