package spawn

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

func TestAWorkerRunsAtOnceAndEndsByItsOwnSignal(t *testing.T) {
	st := newAppStage(t, t.TempDir(), func(app *conf.App) {
		app.Command = conf.Command{Shell: "true"}
		w := conf.NewWorker("jobs")
		w.StopSignal, w.Command = "INT", conf.Command{Shell: "trap 'echo $PURSER_WORKER ends; exit 7' INT; echo works; while :; do sleep 0.05; done"}
		app.SetWorker(w)
	})
	worker, err := st.spawner.StartWorker(t.Context(), Order{Generation: 1, Process: 1, Path: st.app.Root, Worker: "jobs"})
	check(t, err)
	st.eventually("it works", func() bool { return strings.Contains(strings.Join(worker.LastLines(), " "), "works") })
	begun := time.Now()
	worker.Stop()
	if err := worker.Wait(); err == nil || err.Error() != "exited with status 7" || time.Since(begun) > 10*time.Second {
		t.Errorf("it ended with %v", err)
	}
	contains(t, worker.LastLines(), "jobs ends")
}

func TestAWorkerThatThisConfigurationDoesNotHaveIsNotStarted(t *testing.T) {
	st := newAppStage(t, t.TempDir(), func(app *conf.App) { app.Command = conf.Command{Shell: "true"} })
	_, err := st.spawner.StartWorker(t.Context(), Order{Generation: 1, Process: 1, Path: st.app.Root, Worker: "jobs"})
	if err == nil || !strings.Contains(err.Error(), "has no worker jobs") {
		t.Errorf("it says %v", err)
	}
}

func TestTheNextFrontTakesAWorkerOver(t *testing.T) {
	st := newAppStage(t, t.TempDir(), func(app *conf.App) {
		app.Command = conf.Command{Shell: "true"}
		w := conf.NewWorker("jobs")
		w.Command = conf.Command{Shell: "sleep 1000"}
		app.SetWorker(w)
	})
	worker, err := st.spawner.StartWorker(t.Context(), Order{Generation: 1, Process: 1, Path: st.app.Root, Worker: "jobs"})
	check(t, err)
	from, left := worker.inheritee(t)
	st.spawner.Yield()
	check(t, st.spawner.Close())
	again, err := st.next().spawner.Adopt(t.Context(), from, left)
	check(t, err)
	if again.PID() != worker.PID() || again.Worker != "jobs" {
		t.Errorf("taken over is process %d, a worker for %q", again.PID(), again.Worker)
	}
	again.Stop()
	if err := again.Wait(); err == nil || err.Error() != "killed by signal TERM" {
		t.Errorf("it ended with %v", err)
	}
}

func TestALineOfAProcfileIsTheCommandOfAWorkerWithoutOne(t *testing.T) {
	app := conf.App{Root: "/srv/blog", Found: conf.Found{Procfile: map[string]string{"jobs": "sidekiq", "mail": "mailer"}}}
	jobs, mail, none := conf.NewWorker("jobs"), conf.NewWorker("mail"), conf.NewWorker("none")
	mail.Command, none.Count = conf.Command{Shell: "other"}, 0
	for _, w := range []conf.Worker{jobs, mail, none} {
		app.SetWorker(w)
	}
	before := app.Workers
	filled, err := fillWorkers(app)
	check(t, err)
	if filled.Workers[0].Command.Shell != "sidekiq" || filled.Workers[1].Command.Shell != "other" || !before[0].Command.IsZero() {
		t.Errorf("the workers are %+v, and were %+v", filled.Workers, before)
	}
	none.Count = 1
	app.SetWorker(none)
	if _, err := fillWorkers(app); err == nil || err.Error() != "worker none has no command, and /srv/blog has no Procfile with a line none" {
		t.Errorf("it says %v", err)
	}
}

func TestAWorkerByItsGrantIsWhatIsRunWithoutOne(t *testing.T) {
	for _, command := range []conf.Command{{Shell: "sleep 60 # {root}"}, {Args: []string{"sleep", "60"}}, {Shell: "cd lib && ./work"}} {
		root := t.TempDir()
		app := conf.App{Name: "blog", Root: root, Kind: kindCommand, Path: "/blog", Environment: "production", Env: map[string]string{"TOKEN": "a\x01b"},
			Command: conf.Command{Shell: "true"}, Limits: conf.Limits{NoNewPrivs: true, MemoryMax: 1 << 30}, EnvFile: ".env"}
		w := conf.NewWorker("jobs")
		w.Command = command
		app.SetWorker(w)
		child := &Child{Order: Order{Generation: 7, Process: 2, Index: 1, Path: root, Worker: "jobs"}, endpoint: &endpoint{}}
		want, err := child.purpose().program(New(nil, app, t.TempDir(), nil), child)
		check(t, err)
		app.Grants = map[string]uint32{workerGrant + "jobs": 1}
		g := Grants(app, t.TempDir())[workerGrant+"jobs"]
		asked, err := child.purpose().program(New(nil, app, t.TempDir(), nil), child)
		check(t, err)
		got, err := g.Fill(asked.Fill, "")
		check(t, err)
		if !reflect.DeepEqual(got, want) || len(got.Limits) == 0 || got.Group.Name != "blog" {
			t.Errorf("by the grant it is\n%+v, want\n%+v", got, want)
		}
	}
}

func TestAWorkerHasNoPlaceToListenAt(t *testing.T) {
	app := conf.App{Name: "blog", Root: t.TempDir(), Kind: kindCommand, Environment: "production"}
	app.SetWorker(conf.NewWorker("jobs"))
	env := strings.Join(New(nil, app, t.TempDir(), nil).environment(&Child{Order: Order{Worker: "jobs"}, endpoint: &endpoint{}}), "\n")
	if strings.Contains(env, "PORT=") || strings.Contains(env, "PURSER_SOCKET") || !strings.Contains(env, "PURSER_WORKER=jobs") {
		t.Errorf("its environment is\n%s", env)
	}
}
