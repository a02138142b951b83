package status

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// UpgradeOptions are the body of POST /v1/upgrade. All of it may be left out.
type UpgradeOptions struct {
	Path string `json:"path,omitempty"` // of the new binary; default the file that purser was started from
	Now  bool   `json:"now,omitempty"`  // do not wait for old fronts: the oldest is ended
}

// An Upgrade is what came of one that was done.
type Upgrade struct {
	Path string `json:"path"`
	From string `json:"from"` // the version before
	To   string `json:"to"`   // and that which serves now
}

// Upgrading is what replaces the binary while purser runs.
type Upgrading interface {
	// Upgrade has the binary at a path serve from now on, and the process that serves by now finish what it has.
	// It returns when the new one serves; if it does not come to that, nothing has happened. By is who asks. The
	// end of ctx ends the wait for old fronts, and nothing that has begun.
	Upgrade(ctx context.Context, by string, o UpgradeOptions) (Upgrade, error)

	// OldFronts are the processes that served before, and finish what they have.
	OldFronts() []OldFront
}

// An OldFront is a process of purser that served before an upgrade, and finishes what it has.
type OldFront struct {
	PID         int       `json:"pid"`
	Version     string    `json:"version"`
	Since       time.Time `json:"since"`       // when another took its place
	Requests    int       `json:"requests"`    // that it has yet to answer
	Connections int       `json:"connections"` // long-lived ones that it has left: WebSockets, event streams
}

const upgradePath = "/v1/upgrade"

func (s *Server) postUpgrade(w http.ResponseWriter, r *http.Request) {
	var o UpgradeOptions
	if !readBody(w, r, &o) {
		return
	}
	if !isAbsolute(w, "path", o.Path) {
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // it may take its time, and that of old fronts
	done, err := s.Upgrading.Upgrade(r.Context(), asker(r), o)
	_ = control.SetWriteDeadline(time.Now().Add(answerTimeout))
	if !answered(w, err, "upgrade") {
		answer(w, http.StatusOK, done)
	}
}

// finishing says what is left of an old front.
func finishing(f OldFront, now time.Time) string {
	return fmt.Sprintf("pid %d (version %s), since %s, has %s and %s left", f.PID, Printable(f.Version), Ago(f.Since, now),
		Counted(f.Requests, "request", "requests"), Counted(f.Connections, "long-lived connection", "long-lived connections"))
}
