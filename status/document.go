// Package status is the operator's face of a running purser: the admin API, the status document
// and its text, and the small client that the command line speaks the API with.
//
// It holds no state. Every answer is made from what the pool says at that moment, beside what the
// kernel knows of the processes.
package status

import (
	"time"

	"purser/conf"
	"purser/pool"
	"purser/restart"
)

// A Document is everything that status shows.
type Document struct {
	Version      string        `json:"version"`
	Name         string        `json:"name"` // of this purser
	PID          int           `json:"pid"`
	Users        Users         `json:"users"`
	Started      time.Time     `json:"started"`
	Now          time.Time     `json:"now"`              // when the document was made
	Listen       []string      `json:"listen"`           // addresses that visitors reach
	MaxProcesses int           `json:"max_processes"`    // over all apps; 0 = no pool-wide cap
	Reload       *Reload       `json:"reload,omitempty"` // the last one; none = there was none yet
	Spool        Spool         `json:"spool"`
	BufferMemory BufferMemory  `json:"buffer_memory"`
	Certificates []Certificate `json:"certificates"` // that https is served with; none = an empty list
	Apps         []App         `json:"apps"`
	OldFronts    []OldFront    `json:"old_fronts"`        // processes that served before an upgrade and finish what they have, oldest first; none = an empty list
	Awaited      []string      `json:"awaited,omitempty"` // paths and globs of the files that apps are to come in, if there is none yet
}

// Users are those whom the processes of purser itself run as, by their names; by numbers if they have none.
type Users struct {
	Main   string `json:"main"`
	Keeper string `json:"keeper"` // starts and ends the apps
	Front  string `json:"front"`  // serves
}

// A Spool is what waits in files, of all requests: bodies until a process is asked, and answers until their
// clients take them.
type Spool struct {
	Held  int64 `json:"held"`  // bytes
	Limit int64 `json:"limit"` // then the slowest clients are cut off
}

// A BufferMemory is what of that waits in memory, and not in files.
type BufferMemory struct {
	Held  int64 `json:"held"`  // bytes
	Limit int64 `json:"limit"` // then what comes goes to files at once
}

// An App is one group of the pool, with what its processes use.
type App struct {
	pool.GroupSnapshot
	Processes    []Process      `json:"processes"`
	Workers      []Worker       `json:"workers,omitempty"`      // what runs beside them
	NotRun       []string       `json:"not_run,omitempty"`      // programs of its Procfile that nobody has asked for
	Sources      []Source       `json:"fork_sources,omitempty"` // of an app with preload
	Cache        *Cache         `json:"cache,omitempty"`        // none = it has none
	NeedsRestart []restart.Need `json:"needs_restart"`          // why it does, oldest first
	Maintenance  string         `json:"maintenance,omitempty"`  // by what it is in maintenance: command, file; none = it is not
	Hosts        []string       `json:"hosts"`                  // that it answers for; none = those that no other app has
	User         string         `json:"user"`                   // that its processes are started as; its number if it has no name
	Group        string         `json:"group"`                  // likewise
}

// A Process is one process of an app, with what it uses. CPU and memory are those of its whole
// process group, so a wrapper script and the server it started count as one.
type Process struct {
	pool.ProcessSnapshot
	Uptime float64 `json:"uptime"` // seconds since it was started
	CPU    float64 `json:"cpu"`    // percent of one core, averaged over its life
	Memory int64   `json:"memory"` // resident bytes
}

// newApp joins what the pool knows of a group to what the kernel knows of its processes.
func newApp(g pool.GroupSnapshot, is conf.App, needs []restart.Need, sources []Source, used usage, now time.Time) App {
	app := App{GroupSnapshot: g, Processes: make([]Process, 0, len(g.Processes)), NeedsRestart: needs, Sources: sources, Hosts: append([]string{}, is.Hosts...)}
	app.User, app.Group = runsAs(is)
	app.Workers, app.NotRun = newWorkers(g.Workers, used, now), notRun(is)
	for _, p := range g.Processes {
		app.Processes = append(app.Processes, newProcess(p, used[p.PID], now))
	}
	return app
}

func newProcess(p pool.ProcessSnapshot, c consumption, now time.Time) Process {
	out := Process{ProcessSnapshot: p, Memory: c.memory}
	if p.Started.IsZero() || !now.After(p.Started) {
		return out
	}
	out.Uptime = now.Sub(p.Started).Seconds()
	out.CPU = float64(int(1000*c.cpu/out.Uptime)) / 10 // one digit is all it is good for
	return out
}
