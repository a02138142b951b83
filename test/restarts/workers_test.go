package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// A shop is an app with two web processes, two workers for jobs and one for mail, which write a journal.
type shop struct {
	t       *testing.T
	purser  *harness.Purser
	link    string // the root, which leads to a release
	journal string
}

func openShop(t *testing.T, workers string, keys ...string) shop {
	t.Helper()
	dir := harness.EmptyApp(t).Dir
	s := shop{t: t, link: filepath.Join(dir, "current"), journal: filepath.Join(dir, "journal")}
	s.deploy("1")
	keys = append([]string{harness.Processes(2), fmt.Sprintf("env = { JOURNAL = %q, JOB_MS = \"700\" }", s.journal)}, keys...)
	s.purser = harness.Serve(t, harness.Options{Config: harness.Config(s.link, keys...) + workers})
	harness.AwaitReady(t, s.purser, 2)
	harness.AwaitWorkers(t, s.purser, "app", 1)
	return s
}

const twoKinds = "[apps.app.workers.jobs]\ncount = 2\n[apps.app.workers.mail]\n"

func (s shop) deploy(version string) {
	s.t.Helper()
	release := harness.NewApp(s.t, "workers")
	release.Write("VERSION", version)
	harness.Symlink(s.t, release.Dir, s.link)
}

// A release with web and two kinds of workers is one: it is restarted as one.
func TestAProcfilesWorkersAreRestartedWithItsWebAsOneReleaseUnderLoad(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"after", "before"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			key := fmt.Sprintf("order = %q\n", order)
			s := openShop(t, "[apps.app.workers.jobs]\ncount = 2\n"+key+"[apps.app.workers.mail]\n"+key)
			old := s.purser.WorkerPIDs(t, "app")
			load := harness.Load{Addr: s.purser.Addr, Rate: 200}.Begin()
			defer load.End()
			harness.AwaitAnswers(t, load, 100)

			s.deploy("2")
			result := s.purser.Run(harness.Within(t), "restart", "app")
			for _, pid := range old {
				if harness.Alive(pid) {
					t.Errorf("worker %d of the old code lives after done", pid)
				}
			}
			harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+100)
			harness.MustNotFail(t, load.End())
			if result.Code != 0 {
				t.Fatalf("purser restart exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
			}
			s.mustHaveEndedInOrder(harness.Journal(t, s.journal))
			for name, w := range s.purser.Workers(t, "app") {
				if w.Running != w.Count || w.Generation != 2 {
					t.Errorf("of %s, %d of %d run of generation %d", name, w.Running, w.Count, w.Generation)
				}
			}
		})
	}
}

// mustHaveEndedInOrder expects that no job was cut, that each old worker was told once, and that of no kind one of the
// new code began while one of the old was there.
func (s shop) mustHaveEndedInOrder(all []harness.Deed) {
	s.t.Helper()
	open, told, ended := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, d := range all {
		switch d.What {
		case "begins", "finished":
			open[d.PID] = d.What == "begins"
		case "told":
			told[d.PID]++
		case "ended":
			ended[d.Worker]++
		case "started":
			if want := map[string]int{"jobs": 2, "mail": 1}[d.Worker]; d.Generation == "2" && ended[d.Worker] != want {
				s.t.Errorf("a new worker of %s began when %d of %d old ones had ended", d.Worker, ended[d.Worker], want)
			}
		}
		if d.Version != d.Generation {
			s.t.Errorf("generation %s runs version %s", d.Generation, d.Version)
		}
	}
	for pid, is := range open {
		if told[pid] > 0 && is {
			s.t.Errorf("a job of worker %s was cut", pid)
		}
	}
	if len(told) != 3 {
		s.t.Errorf("%d workers were told to stop, not 3", len(told))
	}
	for pid, times := range told {
		if times != 1 {
			s.t.Errorf("worker %s was told %d times to stop", pid, times)
		}
	}
}

func TestAReleaseWhoseWorkerDoesNotStartIsTakenBack(t *testing.T) {
	t.Parallel()
	s := openShop(t, twoKinds)
	load := harness.Load{Addr: s.purser.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)

	s.deploy("bad")
	result := s.purser.Run(harness.Within(t), "restart", "app")
	harness.AwaitWorkers(t, s.purser, "app", 1)
	harness.MustNotFail(t, load.End())
	if says := result.Stdout + result.Stderr; result.Code == 0 || !strings.Contains(says, "worker") || !strings.Contains(says, "no such queue") {
		t.Errorf("purser restart exited with %d and says\n%s", result.Code, says)
	}
	if a := harness.Ask(t, s.purser, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); a.Body != "v=1" {
		t.Errorf("after that %q serves", a.Body)
	}
	if text := s.purser.Run(harness.Within(t), "status", "app").Stdout; !strings.Contains(text, "Worker jobs: 2 of 2 ready, generation 1") {
		t.Errorf("status says\n%s", text)
	}
}

func TestWorkersGoOnWhenTheFrontIsKilledAndInAnUpgrade(t *testing.T) {
	t.Parallel()
	s := openShop(t, twoKinds)
	before := s.purser.WorkerPIDs(t, "app")
	slices.Sort(before)
	harness.Kill(t, s.purser.Front())
	harness.AwaitWorkers(t, s.purser, "app", 1)
	if result := s.purser.Run(harness.Within(t), "upgrade"); result.Code != 0 {
		t.Fatalf("purser upgrade exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	harness.AwaitWorkers(t, s.purser, "app", 1)
	after := s.purser.WorkerPIDs(t, "app")
	if slices.Sort(after); !slices.Equal(before, after) {
		t.Errorf("the workers were %v and are %v", before, after)
	}
	if text, err := os.ReadFile(s.journal); err != nil || strings.Contains(string(text), "told") {
		t.Errorf("a worker was told to stop: %v\n%s", err, text)
	}
	harness.Kill(t, before[0])
	harness.Eventually(t, harness.Patience, "another takes the place of one that was killed", func() bool {
		return !slices.Contains(s.purser.WorkerPIDs(t, "app"), before[0]) && len(s.purser.WorkerPIDs(t, "app")) == 3
	})
}

func TestPurserStopsWorkersWithTheirPatience(t *testing.T) {
	t.Parallel()
	s := openShop(t, twoKinds)
	s.purser.Signal(syscall.SIGINT)
	select {
	case <-s.purser.Exited:
	case <-time.After(harness.Patience):
		t.Fatal("purser does not stop")
	}
	ended := 0
	for _, d := range harness.Journal(t, s.journal) {
		if d.What == "ended" {
			ended++
		}
	}
	if ended != 3 {
		t.Errorf("%d workers ended their jobs, not 3", ended)
	}
}

// A folder needs no configuration for its workers.
func TestServeRunsThoseOfAProcfileThatItIsAskedFor(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "workers")
	journal := filepath.Join(app.Dir, "journal")
	p := harness.Serve(t, harness.Options{Args: []string{"serve", app.Dir, "--workers", "jobs=2", "--env", "JOURNAL=" + journal}})
	name := filepath.Base(app.Dir)
	harness.AwaitWorkers(t, p, name, 1)
	if all := p.Workers(t, name); len(all) != 1 || all["jobs"].Running != 2 {
		t.Errorf("the workers are %+v", all)
	}
	if text := p.Run(harness.Within(t), "status", name).Stdout; !strings.Contains(text, "Not run : mail, of the Procfile") {
		t.Errorf("status says\n%s", text)
	}
	for args, want := range map[string]string{
		"--workers nothing=1": "worker nothing has no command, and " + app.Dir + " has no Procfile with a line nothing",
		"--workers jobs":      `--workers must be a list such as jobs=2,mail=1, not "jobs"`,
		"--workers web=2":     `neither "web" nor "release"`,
	} {
		result := p.Run(harness.Within(t), append([]string{"serve", app.Dir, "--listen", harness.FreeAddr()}, strings.Fields(args)...)...)
		if result.Code != 2 || !strings.Contains(result.Stderr, want) {
			t.Errorf("serve %s exits with %d and says %s", args, result.Code, result.Stderr)
		}
	}
}
