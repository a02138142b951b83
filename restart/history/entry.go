// Package history is what has happened to the apps and to purser itself: what was asked for, when, by whom, and how
// it ended; and what went wrong by itself. It is kept over purser's own restart, and it is bounded.
package history

import (
	"path/filepath"
	"strings"
	"time"

	"purser/pool"
)

// An Entry is one thing that has happened.
type Entry struct {
	Seq     uint64     `json:"seq"`           // counts from 1 for each state folder; an entry that goes on keeps its own
	At      time.Time  `json:"at"`            // when it began; of several in a row, the first
	App     string     `json:"app,omitempty"` // none = purser itself
	Kind    Kind       `json:"kind"`
	By      string     `json:"by,omitempty"`     // who asked for it; none = nobody did
	Reason  string     `json:"reason,omitempty"` // what it was asked for, in words
	PID     int        `json:"pid,omitempty"`    // of the process; of several, the last
	From    *Code      `json:"from,omitempty"`   // what served before
	To      *Code      `json:"to,omitempty"`     // what was to serve, or did
	Restart string     `json:"restart,omitempty"`
	Outcome Outcome    `json:"outcome"`
	Failure string     `json:"failure,omitempty"` // why it did not work, in words
	ErrorID string     `json:"error_id,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"` // of several in a row, the last
	Count   int        `json:"count,omitempty"` // so many in a row were equal
}

// Kind is what has happened.
type Kind string

const (
	Restart      Kind = "restart"
	Rollback     Kind = "rollback"
	Promote      Kind = "promote"
	Detach       Kind = "detach"
	Reload       Kind = "reload"  // of the configuration
	Upgrade      Kind = "upgrade" // of purser's own binary
	Stop         Kind = "stop"    // of one app, as Start and Scale
	Start        Kind = "start"
	Scale        Kind = "scale"
	Maintenance  Kind = "maintenance" // of one app, on or off
	Pause        Kind = "pause"       // of one app, as Resume
	Resume       Kind = "resume"
	Crash        Kind = "crash"        // a process that served is gone, and nobody wanted that
	BootFailure  Kind = "boot-failure" // a process did not become ready; those of a restart are told by its entry
	Hung         Kind = "hung"
	PurserStart  Kind = "purser-start"
	PurserStop   Kind = "purser-stop"
	PurserKilled Kind = "purser-killed" // it was not there any more, and had not stopped
	FrontCrash   Kind = "front-crash"   // the process that serves was not there any more, and another went on
)

// Outcome is how it ended.
type Outcome string

const (
	Running     Outcome = "running" // it has not ended; leads to any of the others
	Done        Outcome = "done"
	Failed      Outcome = "failed" // Failure says why
	Superseded  Outcome = "superseded"
	RolledBack  Outcome = "rolled-back" // the new code served, or began to, and was taken back
	Interrupted Outcome = "interrupted" // purser was gone before it ended
)

// Code is what serves, or is to.
type Code struct {
	Generation int    `json:"generation"`
	Release    string `json:"release,omitempty"` // its folder
	Revision   string `json:"revision,omitempty"`
}

// Name is what people call the code: the folder of its release.
func (c Code) Name() string { return filepath.Base(c.Release) }

func codeOf(generation int, r pool.Release) *Code {
	return &Code{Generation: generation, Release: clip(r.Path), Revision: clip(r.Revision)}
}

// mostText is how much of a text is kept, in bytes.
const mostText = 400

func clip(s string) string {
	if len(s) <= mostText {
		return s
	}
	return strings.ToValidUTF8(s[:mostText], "") + "…"
}

// Took is how long it has taken; 0 = it goes on, or takes no time.
func (e Entry) Took() time.Duration {
	if e.Ended == nil || e.Count > 1 {
		return 0
	}
	return max(0, e.Ended.Sub(e.At))
}

// Latest is when there was last something of it.
func (e Entry) Latest() time.Time {
	if e.Count > 1 && e.Ended != nil {
		return *e.Ended
	}
	return e.At
}

// troubles reports whether e befell the app, and was not asked for.
func (e Entry) troubles() bool { return e.Kind == Crash || e.Kind == BootFailure || e.Kind == Hung }

// repeats reports whether e is a trouble that old has told of.
func (e Entry) repeats(old Entry) bool {
	return e.troubles() && e.Kind == old.Kind && e.Failure == old.Failure && e.generation() == old.generation()
}

func (e Entry) generation() int {
	if e.To == nil {
		return 0
	}
	return e.To.Generation
}
