package status

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"purser/conf"
	"purser/restart/history"
)

// Operated is what an operator changes while purser runs. What may not be done as purser is stopping is refused with
// pool.ErrClosed.
type Operated interface {
	// Reload reads the configuration again and has purser go by it. By is who asks. If it cannot, nothing is
	// changed, and the error says why: ErrBadConfig is in its chain if that is the configuration's fault.
	Reload(by string, o ReloadOptions) (Reload, error)

	// LastReload is the last one that was no dry run; nil = there was none.
	LastReload() *Reload

	// StopApp begins to stop one app, StartApp has it start again, and ScaleApp gives it so many processes. There
	// is such an app.
	StopApp(app string) error
	StartApp(app string) error
	ScaleApp(app string, processes int) error

	// MaintainApp has visitors be told that the app is in maintenance, or be served again. PauseApp has requests wait, and
	// ResumeApp ends that. There is such an app.
	MaintainApp(app string, on bool) error
	PauseApp(app string) error
	ResumeApp(app string) error
}

// ReloadOptions are the body of POST /v1/reload. All of it may be left out.
type ReloadOptions struct {
	DryRun bool   `json:"dry_run,omitempty"` // say what would be changed
	Config string `json:"config,omitempty"`  // path of the file to read, this once; default that which purser was started with
}

// A Reload is what came of reading the configuration again.
type Reload struct {
	At         time.Time       `json:"at"`
	By         string          `json:"by"`
	DryRun     bool            `json:"dry_run,omitempty"`
	Error      string          `json:"error,omitempty"` // why nothing was changed
	Difference conf.Difference `json:"difference"`
	Opened     []string        `json:"opened"` // addresses
	Closed     []string        `json:"closed"`
	Restarts   []Reloading     `json:"restarts"`
	Problems   []string        `json:"problems"`           // of single apps; the rest is done
	Unserved   []string        `json:"unserved,omitempty"` // apps that cannot be served, and are tried again
	Kept       []string        `json:"kept,omitempty"`     // apps that cannot be served so, and go on with their configuration from before
}

// A Reloading is a restart that a reload has begun.
type Reloading struct {
	App string `json:"app"`
	Accepted
}

// reloaded is a reload in one line.
func reloaded(r Reload, now time.Time) string {
	text := Ago(r.At, now) + ", by " + Printable(r.By)
	d := r.Difference
	switch {
	case r.Error != "":
		return text + ": refused, the configuration from before stays: " + Printable(r.Error)
	case d.None():
		text += ": nothing had changed"
	default:
		text += fmt.Sprintf(": %s and %s", Counted(len(d.AtOnce), "key of [server]", "keys of [server]"), Counted(len(d.Apps), "app", "apps"))
	}
	if len(d.Pending) > 0 {
		text += "; needs a restart of purser: " + strings.Join(d.Pending, ", ")
	}
	if len(r.Problems) > 0 {
		text += "; " + Printable(strings.Join(r.Problems, "; "))
	}
	return text
}

// answered reports whether a call was refused, as it failed, by now.
func answered(w http.ResponseWriter, err error, action string) bool {
	if err == nil {
		return false
	}
	if known, ok := errors.AsType[*Error](err); ok {
		refuse(w, known.Status, known.Code, "%s", known.Message)
	} else {
		refuseAction(w, err, action)
	}
	return true
}

func (s *Server) postReload(w http.ResponseWriter, r *http.Request) {
	var o ReloadOptions
	if !readBody(w, r, &o) {
		return
	}
	if !isAbsolute(w, "config", o.Config) {
		return
	}
	done, err := s.Operated.Reload(asker(r), o)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // hooks may have taken their time
	if !answered(w, err, "reload") {
		answer(w, http.StatusAccepted, done)
	}
}

// isAbsolute refuses a path that is not; none is well.
func isAbsolute(w http.ResponseWriter, key, path string) bool {
	if path == "" || filepath.IsAbs(path) {
		return true
	}
	refuse(w, http.StatusBadRequest, CodeBadRequest, "%s must be an absolute path, not %q", key, path)
	return false
}

// operate does something to an app, and notes that it was done.
func (s *Server) operate(r *http.Request, kind history.Kind, app, how string, do func(app string) error) error {
	began := time.Now()
	err := do(app)
	s.History.Did(kind, app, asker(r), how, began, err)
	return err
}

func (s *Server) postStopApp(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	if err := s.operate(r, history.Stop, g.Name(), "", s.Operated.StopApp); !answered(w, err, "stop "+g.Name()) {
		answer(w, http.StatusAccepted, map[string]string{"state": "stopping"})
	}
}

func (s *Server) postStartApp(w http.ResponseWriter, r *http.Request) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	err := s.operate(r, history.Start, g.Name(), "", s.Operated.StartApp)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // it may have waited for the end of its stop
	if !answered(w, err, "start "+g.Name()) {
		answer(w, http.StatusAccepted, map[string]string{"state": "starting"})
	}
}

// A Scaling is the body of POST /v1/apps/{app}/scale.
type Scaling struct {
	Processes int `json:"processes"`
}

// mostProcesses is as many as the configuration takes.
const mostProcesses = 1_000_000

func (s *Server) postScaleApp(w http.ResponseWriter, r *http.Request) {
	var o Scaling
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &o) {
		return
	}
	if o.Processes < 1 || o.Processes > mostProcesses {
		refuse(w, http.StatusBadRequest, CodeBadRequest, "processes must be a number from 1 to %d; to have none, stop the app", mostProcesses)
		return
	}
	scale := func(app string) error { return s.Operated.ScaleApp(app, o.Processes) }
	if err := s.operate(r, history.Scale, g.Name(), Counted(o.Processes, "process", "processes"), scale); !answered(w, err, "scale "+g.Name()) {
		answer(w, http.StatusAccepted, o)
	}
}
