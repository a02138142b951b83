package status

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"purser/conf"
	"purser/pool"
)

// A Worker is what runs beside the web of an app for one purpose, with what its processes use.
type Worker struct {
	pool.WorkerSnapshot
	Processes []WorkerProcess `json:"processes"`
}

// A WorkerProcess is one of them.
type WorkerProcess struct {
	pool.WorkerProcess
	Uptime float64 `json:"uptime"` // seconds since it was started
	CPU    float64 `json:"cpu"`    // percent of one core, averaged over its life
	Memory int64   `json:"memory"` // resident bytes
}

func newWorkers(all []pool.WorkerSnapshot, used usage, now time.Time) (workers []Worker) {
	for _, w := range all {
		out := Worker{WorkerSnapshot: w, Processes: make([]WorkerProcess, 0, len(w.Processes))}
		for _, p := range w.Processes {
			like := newProcess(pool.ProcessSnapshot{Started: p.Started}, used[p.PID], now)
			out.Processes = append(out.Processes, WorkerProcess{p, like.Uptime, like.CPU, like.Memory})
		}
		workers = append(workers, out)
	}
	return workers
}

// notRun are the programs of an app's Procfile that nobody has asked for.
func notRun(app conf.App) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(app.Found.Procfile)) {
		if _, there := app.Worker(name); !there {
			names = append(names, name)
		}
	}
	return names
}

// working is how many workers have shown that they work, of how many.
func (a App) working() (ready, of int) {
	for _, w := range a.Workers {
		ready, of = ready+w.Running, of+w.Count
	}
	return ready, of
}

// workerFailure is why a worker does not start, nil if all do.
func (a App) workerFailure() *pool.Failure {
	for _, w := range a.Workers {
		if w.Failure != nil {
			return w.Failure
		}
	}
	return nil
}

// workers writes a line for each kind of worker of an app, and one for each of its processes.
func (t *text) workers(a App) {
	for _, w := range a.Workers {
		t.line("  Worker %s: %d of %d ready%s", w.Name, w.Running, w.Count, generationOf(w))
		if f := w.Failure; f != nil {
			t.line("    %s", t.paint(red, "Failed at %s (generation %d, error %s): %s",
				f.At.Format("2006-01-02 15:04:05 -0700"), f.Generation, f.ErrorID, Printable(f.Reason)))
			t.printed(f.Output)
		}
		if w.RetryAt != nil && w.RetryAt.After(t.now) {
			t.line("    Next try: in %s", passengerSpan(w.RetryAt.Sub(t.now)))
		}
		for _, p := range w.Processes {
			t.line("  - PID: %-5d   Gen: %-5d   CPU: %-5s   Memory  : %-5s   Uptime: %s   %s",
				p.PID, p.Generation, Percent(p.CPU), Megabytes(p.Memory), passengerSpan(t.now.Sub(p.Started)), workerState(p, w))
		}
	}
	if len(a.NotRun) > 0 {
		t.line("  Not run : %s, of the Procfile (purser help workers)", strings.Join(a.NotRun, ", "))
	}
}

func generationOf(w Worker) string {
	if w.Generation == 0 {
		return ", once the web serves"
	}
	return fmt.Sprintf(", generation %d", w.Generation)
}

func workerState(p WorkerProcess, w Worker) string {
	switch {
	case p.State == "spawning":
		return "Starting"
	case p.State == "stopping":
		return "Stopping"
	case p.Generation != w.Generation:
		return "Ready, outdated"
	}
	return "Ready"
}

var (
	descWorkers     = metric("workers", "Workers that live, by the state and generation they are in.", "app", "worker", "state", "generation")
	descWorkerCount = metric("workers_wanted", "Workers that are to run.", "app", "worker")
	descWorkerEnded = metric("workers_ended_total", "Workers that ended though nobody had asked them to.", "app", "worker")
)

func (r readings) workers(s pool.GroupSnapshot) {
	type kind struct {
		state      string
		generation int
	}
	for _, w := range s.Workers {
		count := map[kind]int{}
		for _, p := range w.Processes {
			count[kind{p.State, p.Generation}]++
		}
		for k, n := range count {
			r.gauge(descWorkers, float64(n), s.Name, w.Name, k.state, strconv.Itoa(k.generation))
		}
		r.gauge(descWorkerCount, float64(w.Count), s.Name, w.Name)
	}
}

// seeWorker notes whether a worker ended by itself.
func (a *account) seeWorker(e pool.Event) {
	if e.What == "gone" && a.working[e.Process] {
		a.ended[e.Worker]++
	}
	delete(a.working, e.Process)
	if e.What == "spawning" || e.What == "ready" {
		a.working[e.Process] = true
	}
}

// workersColumn is how wide the column of workers is in a list; 0 = no app has any, and there is none.
func workersColumn(lines []Line) (width int) {
	for _, l := range lines {
		if l.Workers > 0 {
			width = max(width, len(headWorkers)+2, len(l.workers())+2)
		}
	}
	return width
}

const headWorkers = "Workers"

func headOf(width int) string {
	if width == 0 {
		return ""
	}
	return headWorkers
}

func (l Line) workers() string {
	if l.Workers == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", l.Working, l.Workers)
}
