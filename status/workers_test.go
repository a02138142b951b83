package status

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"purser/conf"
	"purser/pool"
)

// withWorkers is a pool whose app has workers: for jobs one is being replaced, and for mail none starts.
func withWorkers() Document {
	d := document()
	blog := &d.Apps[0]
	retry := noon.Add(4 * time.Second)
	process := func(pid, generation int, state string) WorkerProcess {
		return WorkerProcess{WorkerProcess: pool.WorkerProcess{PID: pid, State: state, Generation: generation, Started: noon.Add(-time.Minute)}, CPU: 2.5, Memory: 40 << 20}
	}
	blog.Workers = []Worker{
		{pool.WorkerSnapshot{Name: "jobs", Count: 2, Running: 1, Generation: 7}, []WorkerProcess{
			process(301, 6, "stopping"), process(302, 7, "ready"), process(303, 7, "spawning"), process(304, 6, "ready")}},
		{pool.WorkerSnapshot{Name: "mail", Count: 1, Generation: 7, RetryAt: &retry, Failure: &pool.Failure{At: noon, Generation: 7, ErrorID: "e5a1",
			Reason: "worker mail exited with status 1 within 5s of its start", Output: []string{"no \x1b[2Jqueue"}}}, nil},
		{pool.WorkerSnapshot{Name: "night", Count: 1}, nil},
	}
	blog.NotRun = []string{"clock"}
	return d
}

func TestTextOfAnAppWithWorkers(t *testing.T) { golden(t, "workers.txt", withWorkers(), false) }

func TestAListHasAColumnForWorkersOnlyIfThereAreAny(t *testing.T) {
	for _, c := range []struct {
		d    Document
		want string
	}{
		{withWorkers(), "App   Condition  Ready  Workers  Gen"},
		{document(), "App   Condition  Ready  Gen"},
	} {
		var out strings.Builder
		if err := WriteLines(&out, c.d, 100, false); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("the list begins with another line than %q:\n%s", c.want, out.String())
		}
	}
	if l := Lines(withWorkers())[0]; l.Working != 1 || l.Workers != 4 || l.workers() != "1/4" {
		t.Errorf("of the workers it says %d/%d", l.Working, l.Workers)
	}
}

func TestAWorkerThatDoesNotStartIsToldInTheList(t *testing.T) {
	blog := withWorkers().Apps[0]
	if says := blog.remark(withWorkers()); !strings.HasPrefix(says, "worker mail exited") {
		t.Errorf("of it the list says %q", says)
	}
	if color, calm := blog.standing(); color != red || calm {
		t.Error("it does not stand out")
	}
}

func TestWhatOfAProcfileDoesNotRunIsNamed(t *testing.T) {
	app := conf.App{Found: conf.Found{Procfile: map[string]string{"mail": "m", "clock": "c", "jobs": "j"}}}
	app.SetWorker(conf.NewWorker("jobs"))
	if names := notRun(app); strings.Join(names, " ") != "clock mail" {
		t.Errorf("named are %q", names)
	}
}

func TestMetricsCountWorkers(t *testing.T) {
	all := make(chan prometheus.Metric, 100)
	out := readings(all)
	w := withWorkers().Apps[0].Workers[0]
	for _, p := range w.Processes {
		w.WorkerSnapshot.Processes = append(w.WorkerSnapshot.Processes, p.WorkerProcess)
	}
	out.workers(pool.GroupSnapshot{Name: "blog", Workers: []pool.WorkerSnapshot{w.WorkerSnapshot}})
	var l Ledger
	for _, what := range []string{"spawning", "ready", "gone", "spawning", "stopping", "gone", "spawning", "gone"} {
		l.See(pool.Event{App: "blog", Kind: "worker", Worker: "jobs", Process: 5, What: what})
	}
	if ended := l.apps["blog"].ended["jobs"]; ended != 2 {
		t.Errorf("%d workers ended by themselves, it should be 2", ended)
	}
	if l.apps["blog"].crashes != 0 {
		t.Error("a worker counts as a process that crashed")
	}
	l.read("blog", out)
	if len(all) != 5+1+3 { // four kinds of processes and how many are to run; and those that are always there
		t.Errorf("there are %d metrics", len(all))
	}
}
