package conf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// A Worker is [apps.NAME.workers.WORKER]: a program of the app that runs beside its web processes, from the same
// release, such as one that works off a queue of jobs.
type Worker struct {
	Name        string
	Command     Command       // zero = the line of that name in the app's Procfile; spawn.Detect fills it in
	Count       int           // so many of it run, at most 1000; default 1
	StopSignal  string        // TERM INT QUIT HUP USR1 USR2; default TERM
	StopTimeout time.Duration // from stop signal to KILL; default 30s
	Order       string        // after | before: when a restart stops the old ones, the new web serves already, or not yet; default after
}

// The orders in which a restart replaces workers.
const (
	AfterWeb  = "after"  // once the new web processes serve, and no old one does
	BeforeWeb = "before" // once a new web process has booted, which serves when the old workers are gone
)

// mostWorkers is how many of one name there can be: all of them are started at once.
const mostWorkers = 1000

var workerOrders = []string{AfterWeb, BeforeWeb}

var workerSchema = schema[Worker]{
	fields: []field[Worker]{
		at("command", func(w *Worker) *Command { return &w.Command }, commandForm),
		at("count", func(w *Worker) *int { return &w.Count }, countForm),
		at("stop_signal", func(w *Worker) *string { return &w.StopSignal }, textForm),
		at("stop_timeout", func(w *Worker) *time.Duration { return &w.StopTimeout }, durationForm),
		at("order", func(w *Worker) *string { return &w.Order }, textForm),
	},
}

// workerEffects is what it takes for a changed key of a worker to be gone by.
var workerEffects = effects{"command": byRestart, "stop_signal": byRestart, "count": atOnce, "stop_timeout": atOnce, "order": atOnce}

// NewWorker is a worker of that name with the defaults.
func NewWorker(name string) Worker {
	return Worker{Name: name, Count: 1, StopSignal: "TERM", StopTimeout: 30 * time.Second, Order: AfterWeb}
}

// Worker returns the worker of that name.
func (a *App) Worker(name string) (w Worker, there bool) {
	at := slices.IndexFunc(a.Workers, func(w Worker) bool { return w.Name == name })
	if at < 0 {
		return w, false
	}
	return a.Workers[at], true
}

// SetWorker puts a worker among the others, by its name, in place of what has that name. The list is another one: who
// has the one before keeps it.
func (a *App) SetWorker(w Worker) {
	others := slices.DeleteFunc(slices.Clone(a.Workers), func(other Worker) bool { return other.Name == w.Name })
	a.Workers = append(others, w)
	slices.SortFunc(a.Workers, func(a, b Worker) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) workers(n *node, app *App) {
	if !r.isTable(n) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(n.nodes)) {
		w := NewWorker(name)
		readTable(r, n.nodes[name], &w, workerSchema)
		app.SetWorker(w)
	}
}

func (a *App) checkWorkers(t table) {
	for i := range a.Workers {
		a.Workers[i].check(t.in(a.Workers[i].Name))
	}
}

func (w *Worker) check(t table) {
	if !isName(w.Name) || w.Name == "web" || w.Name == "release" {
		t.refuse(`a worker's name has 1 to %d letters a-z A-Z, digits and _ - . and begins with none of - . and is neither "web" nor "release"`, maxName)
	}
	t.accept("command", w.Command.check())
	for _, place := range []string{"{socket}", "{port}"} {
		t.require(!w.Command.Has(place), "command", "has %s, but no request is sent to a worker", place)
	}
	t.require(0 <= w.Count && w.Count <= mostWorkers, "count", "must be a number from 0 to %d", mostWorkers)
	t.oneOf("stop_signal", w.StopSignal, stopSignals)
	t.positive("stop_timeout", w.StopTimeout)
	t.oneOf("order", w.Order, workerOrders)
}

func writeWorkers(b *strings.Builder, key toml.Key, workers []Worker) {
	for i := range workers {
		writeTable(b, append(key[:len(key):len(key)], "workers", workers[i].Name), &workers[i], workerSchema)
	}
}

// compareWorkers notes what is not the same about the workers of an app. One that is new is started by a restart, from
// a release that is known to be meant with it; one that is gone is stopped at once.
func (d *AppDiff) compareWorkers(older, newer *App) {
	for i := range newer.Workers {
		w := &newer.Workers[i]
		was, there := older.Worker(w.Name)
		if !there {
			d.Restart = append(d.Restart, "workers."+w.Name)
			continue
		}
		for _, f := range workerSchema.fields {
			key := fmt.Sprintf("workers.%s.%s", w.Name, f.key)
			switch {
			case !f.differs(&was, w):
			case workerEffects[f.key] == atOnce:
				d.AtOnce = append(d.AtOnce, key)
			default:
				d.Restart = append(d.Restart, key)
			}
		}
	}
	for _, was := range older.Workers {
		if _, there := newer.Worker(was.Name); !there {
			d.AtOnce = append(d.AtOnce, "workers."+was.Name)
		}
	}
}

// ParseWorkers reads a list such as "jobs=2,mail=1", as flags give it.
func ParseWorkers(s string) (workers []Worker, err error) {
	for _, one := range strings.Split(s, ",") {
		name, number, _ := strings.Cut(one, "=")
		w := NewWorker(strings.TrimSpace(name))
		if w.Count, err = strconv.Atoi(strings.TrimSpace(number)); err != nil {
			return nil, fmt.Errorf("must be a list such as jobs=2,mail=1, not %s", described(s))
		}
		if slices.ContainsFunc(workers, func(other Worker) bool { return other.Name == w.Name }) {
			return nil, fmt.Errorf("names the worker %s twice", w.Name)
		}
		workers = append(workers, w)
	}
	return workers, nil
}
