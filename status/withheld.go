package status

import (
	"net/http"
	"time"

	"purser/pool"
	"purser/restart/history"
)

// This file is an app that runs and is kept from its visitors, as an operator wants it: its maintenance, and a pause.

// By what an app is in maintenance.
const (
	ByCommand = "command" // purser maintenance, or a call
	ByFile    = "file"    // in its folder
)

// A Maintaining is the body of POST /v1/apps/{app}/maintenance.
type Maintaining struct {
	On *bool `json:"on"`
}

// appOf is an app as it is told.
func (s *Server) appOf(g *pool.Group, used usage, now time.Time) App {
	app := newApp(g.Snapshot(), g.App(), s.Restarts.Needs(g.Name()), s.sources(g.Name(), used), used, now)
	app.Cache = s.cacheOf(g.Name())
	if s.Maintenance != nil {
		app.Maintenance = s.Maintenance(app.Name)
	}
	return app
}

func (s *Server) postMaintenance(w http.ResponseWriter, r *http.Request) {
	var o Maintaining
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &o) {
		return
	}
	if o.On == nil {
		refuse(w, http.StatusBadRequest, CodeBadRequest, `on must be true or false, such as {"on": true}`)
		return
	}
	how := "off"
	if *o.On {
		how = "on"
	}
	do := func(app string) error { return s.Operated.MaintainApp(app, *o.On) }
	if err := s.operate(r, history.Maintenance, g.Name(), how, do); !answered(w, err, "change the maintenance of "+g.Name()) {
		answer(w, http.StatusOK, o)
	}
}

func (s *Server) postPause(w http.ResponseWriter, r *http.Request) {
	s.postPlain(w, r, history.Pause, s.Operated.PauseApp, "paused")
}

func (s *Server) postResume(w http.ResponseWriter, r *http.Request) {
	s.postPlain(w, r, history.Resume, s.Operated.ResumeApp, "resumed")
}

// postPlain does something to an app that needs no word about how, and is done when it returns.
func (s *Server) postPlain(w http.ResponseWriter, r *http.Request, kind history.Kind, do func(app string) error, state string) {
	g := s.group(w, r)
	if g == nil || !readBody(w, r, &struct{}{}) {
		return
	}
	if err := s.operate(r, kind, g.Name(), "", do); !answered(w, err, string(kind)+" "+g.Name()) {
		answer(w, http.StatusOK, map[string]string{"state": state})
	}
}

// shown is the condition in a word, for people: what keeps visitors from an app, if else all is well with it.
func (a App) shown() string {
	switch {
	case a.Condition != pool.Up && a.Condition != pool.Resting:
	case a.Maintenance != "":
		return "maintenance"
	case a.Paused:
		return "paused"
	}
	return string(a.Condition)
}

// withheld says why visitors do not reach an app, and how that ends; "" = they do.
func (a App) withheld() string {
	switch {
	case a.Maintenance == ByFile:
		return "in maintenance, as its file is there; remove it to serve"
	case a.Maintenance != "":
		return "in maintenance; to serve: purser maintenance " + a.Name + " off"
	case a.Paused:
		return "paused, " + Counted(a.Queue, "request waits", "requests wait") + "; to go on: purser resume " + a.Name
	}
	return ""
}
