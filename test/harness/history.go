package harness

import (
	"encoding/json"
	"testing"
	"time"
)

// A Past is one entry of purser history.
type Past struct {
	Seq     int       `json:"seq"`
	At      time.Time `json:"at"`
	App     string    `json:"app"`
	Kind    string    `json:"kind"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	PID     int       `json:"pid"`
	Outcome string    `json:"outcome"`
	Failure string    `json:"failure"`
	ErrorID string    `json:"error_id"`
	Count   int       `json:"count"`
	From    Code      `json:"from"`
	To      Code      `json:"to"`
	Ended   time.Time `json:"ended"`
}

// Code is what served, or was to.
type Code struct {
	Generation int    `json:"generation"`
	Release    string `json:"release"`
}

// History is what purser history shows, the newest first; args choose from it.
func (p *Purser) History(t testing.TB, args ...string) []Past {
	t.Helper()
	result := p.Run(t.Context(), append([]string{"history", "--json"}, args...)...)
	var a struct {
		History []Past `json:"history"`
	}
	if err := json.Unmarshal([]byte(result.Stdout), &a); err != nil || result.Code != 0 {
		t.Fatalf("purser history %v exited with %d (%v): %s%s", args, result.Code, err, result.Stdout, result.Stderr)
	}
	return a.History
}

// Kinds are the kinds and outcomes of some entries.
func Kinds(past []Past) []string {
	var kinds []string
	for _, e := range past {
		kinds = append(kinds, e.Kind+" "+e.Outcome)
	}
	return kinds
}
