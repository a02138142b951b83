package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"purser/pool"
	"purser/status"
)

// progress shows how restarts go on: one line that changes on a terminal, else a line for each
// step, or JSON. Several goroutines may tell it of their restarts.
type progress struct {
	w    io.Writer
	json bool
	live bool // one line, written over and over

	mu    sync.Mutex     // guards what follows, and keeps lines whole
	shown map[string]int // how many steps of each restart have been shown, by its id
	open  bool           // the live line is on screen
}

func newProgress(w io.Writer, json, single bool) *progress {
	return &progress{w: w, json: json, live: single && !json && isTerminal(w), shown: map[string]int{}}
}

// An event is one line of restart --json.
type event struct {
	At         time.Time     `json:"at"`
	App        string        `json:"app"`
	ID         string        `json:"id"`
	Generation int           `json:"generation"`
	Event      string        `json:"event"` // accepted, the name of a step, or ended
	PID        int           `json:"pid,omitempty"`
	State      string        `json:"state,omitempty"` // of the restart, when it has ended
	Replaced   int           `json:"replaced"`
	Total      int           `json:"total"`
	Failure    *pool.Failure `json:"failure,omitempty"`
}

// accepted shows that a restart has begun.
func (p *progress) accepted(app string, a status.Accepted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.json:
		p.emit(event{At: time.Now(), App: app, ID: a.ID, Generation: a.Generation, Event: "accepted"})
	case p.live:
		p.overwrite("%s: restarting to generation %d", app, a.Generation)
	default:
		fmt.Fprintf(p.w, "%s: restarting to generation %d\n", app, a.Generation)
	}
}

// went shows what has happened in a restart since it was shown last.
func (p *progress) went(app string, r pool.RestartSnapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.shown[r.ID]; i < len(r.Steps); i++ {
		p.step(app, upTo(r, i), r.Steps[i])
	}
	p.shown[r.ID] = len(r.Steps)
	if r.State != pool.RestartRunning {
		p.ended(app, r)
	}
}

// upTo is r as it stood at its i-th step: how many were replaced by then is in the steps before.
func upTo(r pool.RestartSnapshot, i int) pool.RestartSnapshot {
	ready := 0
	for _, s := range r.Steps[:i+1] {
		if s.What == "ready" && s.Generation == r.Generation {
			ready++
		}
	}
	r.Replaced = min(ready, r.Total)
	return r
}

func (p *progress) step(app string, r pool.RestartSnapshot, s pool.Step) {
	switch {
	case p.json:
		p.emit(event{At: s.At, App: app, ID: r.ID, Generation: s.Generation, Event: s.What, PID: s.PID, Replaced: r.Replaced, Total: r.Total})
	case p.live:
		p.overwrite("%s: %d/%d  %s", app, r.Replaced, r.Total, stepText(s))
	default:
		fmt.Fprintf(p.w, "%s: %d/%d  %s\n", app, r.Replaced, r.Total, stepText(s))
	}
}

func stepText(s pool.Step) string {
	if s.PID == 0 {
		return s.What
	}
	return fmt.Sprintf("%s (pid %d, generation %d)", s.What, s.PID, s.Generation)
}

func (p *progress) ended(app string, r pool.RestartSnapshot) {
	at := time.Now()
	if r.Ended != nil {
		at = *r.Ended
	}
	if p.json {
		p.emit(event{At: at, App: app, ID: r.ID, Generation: r.Generation, Event: "ended", State: string(r.State),
			Replaced: r.Replaced, Total: r.Total, Failure: r.Failure})
		return
	}
	p.close()
	if r.State == pool.RestartDone { // any other end is an error, which run reports
		fmt.Fprintf(p.w, "%s: restarted, generation %d is ready after %v\n", app, r.Generation, at.Sub(r.Started).Round(time.Millisecond))
	}
}

// broke makes room for the error that follows.
func (p *progress) broke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close()
}

func (p *progress) overwrite(format string, args ...any) {
	p.open = true
	fmt.Fprintf(p.w, clearLine+format, args...)
}

// close removes the live line.
func (p *progress) close() {
	if p.open {
		fmt.Fprint(p.w, clearLine)
		p.open = false
	}
}

func (p *progress) emit(e event) {
	encoder := json.NewEncoder(p.w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(e) // a reader that has gone does not keep us from waiting for the restart
}
