package restarts

import (
	"fmt"
	"path/filepath"
	"testing"

	"purser/test/harness"
)

// Many deploy into the folder that is served, and touch tmp/restart.txt.
func TestWorkersAreRestartedInPlaceByATouchUnderLoad(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]string{"after the web": "after", "before the web": "before", "asked for beside a Procfile": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := harness.NewApp(t, "workers")
			s := shop{t: t, link: app.Dir, journal: filepath.Join(t.TempDir(), "journal")}
			o, site := harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), fmt.Sprintf("env = { JOURNAL = %q, JOB_MS = \"700\" }", s.journal)) +
				fmt.Sprintf("[apps.app.workers.jobs]\ncount = 2\norder = %[1]q\n[apps.app.workers.mail]\norder = %[1]q\n", order)}, "app"
			if order == "" {
				o = harness.Options{Args: []string{"serve", app.Dir, "--processes", "2", "--workers", "jobs=2,mail=1", "--env", "JOURNAL=" + s.journal, "--env", "JOB_MS=700"}}
				site = filepath.Base(app.Dir)
			}
			s.purser = harness.Serve(t, o)
			harness.AwaitWorkers(t, s.purser, site, 1)
			old := s.purser.WorkerPIDs(t, site)
			load := harness.Load{Addr: s.purser.Addr, Rate: 200}.Begin()
			defer load.End()
			harness.AwaitAnswers(t, load, 100)

			app.Write("VERSION", "2")
			app.Touch()
			harness.AwaitRestart(t, s.purser, site, 2)
			for _, pid := range old {
				if harness.Alive(pid) {
					t.Errorf("worker %d of the old code lives after done", pid)
				}
			}
			harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+100)
			harness.MustNotFail(t, load.End())
			s.mustHaveEndedInOrder(harness.Journal(t, s.journal))
			for name, w := range s.purser.Workers(t, site) {
				if w.Running != w.Count || w.Generation != 2 {
					t.Errorf("of %s, %d of %d run of generation %d", name, w.Running, w.Count, w.Generation)
				}
			}
			if a := harness.Ask(t, s.purser, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); a.Body != "v=2" {
				t.Errorf("after that %q serves", a.Body)
			}
		})
	}
}
