package show

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"purser/pool"
	"purser/status"
)

// Progress shows how restarts go on: on a terminal a block of lines that change, else a line for each
// step, or JSON. Several goroutines may tell it of their restarts.
type Progress struct {
	w    io.Writer
	json bool

	mu    sync.Mutex     // guards what follows, and keeps lines whole
	shown map[string]int // how many steps of each restart have been shown, by its id
	live  *live          // nil unless a terminal is written to
}

// NewProgress shows restarts on w. The live block asks client what the processes do.
func NewProgress(w io.Writer, json bool, client *status.Client) *Progress {
	p := &Progress{w: w, json: json, shown: map[string]int{}}
	if file, ok := w.(*os.File); ok && IsTerminal(w) && !json {
		p.live = newLive(file, client)
	}
	return p
}

// An Event is one line of restart --json.
type Event struct {
	At         time.Time     `json:"at"`
	App        string        `json:"app"`
	ID         string        `json:"id"`
	Generation int           `json:"generation"`
	Event      string        `json:"event"` // accepted, the name of a step, or ended: there is nothing more to wait for
	PID        int           `json:"pid,omitempty"`
	Note       string        `json:"note,omitempty"`
	State      string        `json:"state,omitempty"` // of the restart, when it has ended or waits at its canary
	Replaced   int           `json:"replaced"`
	Total      int           `json:"total"`
	Failure    *pool.Failure `json:"failure,omitempty"`
}

// Accepted shows that a restart has begun. The verb is for people: "restarting to".
func (p *Progress) Accepted(app, verb string, a status.Accepted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.json:
		p.emit(Event{At: time.Now(), App: app, ID: a.ID, Generation: a.Generation, Event: "accepted"})
	case p.live == nil:
		fmt.Fprintf(p.w, "%s: %s generation %d\n", app, verb, a.Generation)
	}
}

// Went shows what has happened in a restart since it was shown last.
func (p *Progress) Went(app string, r pool.RestartSnapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, known := p.shown[r.ID]
	if !known {
		first = promotion(r)
	}
	for i := first; i < len(r.Steps); i++ {
		p.step(app, upTo(r, i), r.Steps[i])
	}
	p.shown[r.ID] = len(r.Steps)
	if r.State == pool.RestartRunning {
		if p.live != nil {
			p.live.show(app, r)
		}
		return
	}
	p.ended(app, r)
}

// promotion is the step at which r was promoted, else the first: who promotes it has seen those before.
func promotion(r pool.RestartSnapshot) int {
	return max(0, slices.IndexFunc(r.Steps, func(s pool.Step) bool { return s.What == "promoted" }))
}

// upTo is r as it stood at its i-th step: how many were replaced by then is in the steps before, and
// what was ready from the start is what no step tells of.
func upTo(r pool.RestartSnapshot, i int) pool.RestartSnapshot {
	before, all := 0, 0
	for at, s := range r.Steps {
		if s.What == "ready" && s.Generation == r.Generation {
			all++
			if at <= i {
				before++
			}
		}
	}
	r.Replaced = min(before+max(0, r.Replaced-all), r.Total)
	return r
}

func (p *Progress) step(app string, r pool.RestartSnapshot, s pool.Step) {
	switch {
	case p.json:
		p.emit(Event{At: s.At, App: app, ID: r.ID, Generation: s.Generation, Event: s.What, PID: s.PID, Note: s.Note, Replaced: r.Replaced, Total: r.Total})
	case p.live == nil:
		fmt.Fprintf(p.w, "%s: %d/%d  %s\n", app, r.Replaced, r.Total, stepText(s))
	case s.Note != "":
		p.live.say("%s: %s", app, stepText(s))
	}
}

func stepText(s pool.Step) string {
	what, isWorker := strings.CutPrefix(s.What, "worker-")
	switch {
	case isWorker && s.PID == 0:
		return fmt.Sprintf("worker %s %s", status.Printable(s.Note), what)
	case isWorker:
		return fmt.Sprintf("worker %s %s (pid %d, generation %d)", status.Printable(s.Note), what, s.PID, s.Generation)
	case s.Note != "":
		return s.What + ": " + status.Printable(s.Note)
	case s.PID == 0:
		return s.What
	}
	return fmt.Sprintf("%s (pid %d, generation %d)", s.What, s.PID, s.Generation)
}

// ended shows that there is nothing more to wait for.
func (p *Progress) ended(app string, r pool.RestartSnapshot) {
	at := time.Now()
	if r.Ended != nil {
		at = *r.Ended
	}
	text := ""
	switch { // any other end is an error, which whoever waits for it reports
	case p.json:
		p.emit(Event{At: at, App: app, ID: r.ID, Generation: r.Generation, Event: "ended", State: string(r.State),
			Replaced: r.Replaced, Total: r.Total, Failure: r.Failure})
		return
	case r.State == pool.RestartCanary:
		text = fmt.Sprintf("%s: %s; finish with purser promote %s, or go back with purser rollback %s", app, status.Canary(&r), app, app)
	case r.State == pool.RestartDone && r.Strategy == pool.Rollback:
		text = fmt.Sprintf("%s: rolled back, generation %d serves after %s", app, r.Generation, status.Span(at.Sub(r.Started)))
	case r.State == pool.RestartDone:
		text = fmt.Sprintf("%s: restarted, generation %d is ready after %s", app, r.Generation, status.Span(at.Sub(r.Started)))
	}
	if p.live != nil {
		p.live.drop(app)
	}
	switch {
	case text == "":
	case p.live != nil:
		p.live.say("%s", text)
	default:
		fmt.Fprintln(p.w, text)
	}
}

// Drop shows an app's restart no more.
func (p *Progress) Drop(app string) {
	if p.live != nil {
		p.live.drop(app)
	}
}

// Close makes room for the errors that follow.
func (p *Progress) Close() {
	if p.live != nil {
		p.live.close()
	}
}

func (p *Progress) emit(e Event) {
	encoder := json.NewEncoder(p.w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(e) // a reader that has gone does not keep us from waiting for the restart
}
