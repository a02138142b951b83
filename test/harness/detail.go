package harness

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A Detail is what GET /v1/apps/{app} tells of code: what runs, what is wanted, and why another is.
type Detail struct {
	Generation   int      `json:"generation"`
	Condition    string   `json:"condition"`
	Release      Release  `json:"release"`
	LastGood     *Release `json:"last_good"`
	Overwritten  bool     `json:"overwritten"`
	NeedsRestart []Need   `json:"needs_restart"`
	Restart      *Course  `json:"restart"`
}

// A Release is a folder with code.
type Release struct {
	Path     string `json:"path"`
	Revision string `json:"revision"`
}

// A Need is why an app needs a restart.
type Need struct {
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"`
	File   string    `json:"file"`
	Since  time.Time `json:"since"`
	PIDs   []int     `json:"pids"`
}

// A Course is a Restart with what was asked for, and when it ended; as restart.status has it, too.
type Course struct {
	Restart
	App      string     `json:"app"`
	Strategy string     `json:"strategy"`
	Reason   string     `json:"reason"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
	Release  Release    `json:"release"`
}

// An Accepted is the answer to an order of a restart.
type Accepted struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"`
	Location   string `json:"-"`
}

// Detail asks for what an app runs.
func (p *Purser) Detail(t testing.TB, app string) Detail {
	t.Helper()
	var d Detail
	p.AdminJSON(t, "/v1/apps/"+app, &d)
	return d
}

// Order posts an order of a restart, which has to be accepted.
func (p *Purser) Order(t testing.TB, app, body string) Accepted {
	t.Helper()
	a := p.AdminRequest(t, http.MethodPost, "/v1/apps/"+app+"/restarts", strings.NewReader(body))
	accepted := Accepted{Location: a.Header.Get("Location")}
	if err := json.Unmarshal([]byte(a.Body), &accepted); err != nil || a.StatusCode != http.StatusAccepted {
		t.Fatalf("a restart is answered with %d (%v): %s", a.StatusCode, err, a.Body)
	}
	return accepted
}

// Course asks for a restart; wait is such as "60s", "" does not wait.
func (p *Purser) Course(t testing.TB, id, wait string) Course {
	t.Helper()
	var c Course
	p.AdminJSON(t, "/v1/restarts/"+id+"?wait="+wait, &c)
	return c
}

// Courses are the restarts of an app that purser remembers, newest first.
func (p *Purser) Courses(t testing.TB, app string) []Course {
	t.Helper()
	var list struct {
		Restarts []Course `json:"restarts"`
	}
	p.AdminJSON(t, "/v1/restarts?app="+app, &list)
	return list.Restarts
}
