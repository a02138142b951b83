package scale

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

func TestAtALimitOfProcessesPurserServesOn(t *testing.T) {
	limit := newProcessLimit(t)
	app, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	text := harness.ServerTable("max_processes = 200")
	var apps []string
	for i := range 100 {
		apps = append(apps, "app"+strconv.Itoa(i))
		text += harness.AppTable(apps[i], harness.EmptyApp(t).Dir, `command = "`+app+`"`, harness.Processes(1), `hosts = ["`+apps[i]+`.example"]`)
	}
	p := harness.Serve(t, harness.Options{Before: limit.within(), Config: text})
	threads := len(list(t, "/proc/"+strconv.Itoa(p.Front())+"/task"))
	limit.set(t, limit.count(t)+20)

	refused := "the system allows no more processes"
	harness.Eventually(t, harness.Patience, "a start is refused", func() bool { return len(p.Log.Lines(refused)) > 0 })
	serving := slices.IndexFunc(apps, func(app string) bool { return len(p.Status(t, app).Ready()) > 0 })
	for range 60 {
		if answer := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+apps[serving]+".example\r\nConnection: close\r\n\r\n"); answer.StatusCode != 200 {
			t.Fatalf("a request got %d: %s", answer.StatusCode, answer.Body)
		}
	}
	harness.Kill(t, p.Status(t, apps[serving]).Ready()[0].PID)
	if more := len(list(t, "/proc/"+strconv.Itoa(p.Front())+"/task")); more > 40 {
		t.Errorf("purser has %d threads, %d at first", more, threads)
	}
	limit.set(t, 10_000)
	harness.Eventually(t, harness.ReadyLimit, "all apps serve once the limit is higher", func() bool {
		return !slices.ContainsFunc(apps, func(app string) bool { return len(p.Status(t, app).Ready()) == 0 })
	})
}

// What cannot be started is no reason to turn away what can be answered by what runs, however often that dies.
func TestAtALimitOfProcessesManyRequestsAtOnceAreAnsweredBesideCrashes(t *testing.T) {
	limit := newProcessLimit(t)
	s := site.New(t, site.Release{Version: 1})
	p := harness.Serve(t, harness.Options{Before: limit.within(), Config: harness.Config(s.Current(), `command = ["`+site.Program(t)+`"]`,
		"min_processes = 2", "max_processes = 60", "concurrency = 1", "max_queue = 0")})
	harness.AwaitReady(t, p, 2)
	limit.set(t, limit.count(t)+20)
	for range 3 {
		var asked []*harness.Conn
		for range 60 {
			asked = append(asked, harness.SlowRequest(t, p, 100))
		}
		harness.Eventually(t, harness.Patience, "one works on a request", func() bool {
			ready := p.Status(t, "app").Ready()
			return slices.ContainsFunc(ready, func(r harness.Process) bool { return r.Requests > 0 })
		})
		harness.Kill(t, p.Status(t, "app").Ready()[0].PID)
		harness.MustBeAnswered(t, asked...)
	}
	if len(p.Log.Lines("the system allows no more processes")) == 0 {
		t.Error("nothing was refused, so that this shows nothing")
	}
}

// A processLimit is a cgroup that allows so many processes and threads.
type processLimit string

func newProcessLimit(t *testing.T) processLimit {
	t.Helper()
	harness.MustBeRoot(t)
	for _, parent := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} { // version 1, version 2
		dir := filepath.Join(parent, "purser-test-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if _, err := os.Stat(filepath.Join(dir, "pids.max")); err == nil {
			return processLimit(dir)
		}
		_ = os.Remove(dir)
	}
	t.Skip("this system lets nobody make a cgroup with a limit of processes")
	return ""
}

func (l processLimit) within() []string {
	return []string{"/bin/sh", "-c", "echo $$ >" + string(l) + `/cgroup.procs; exec "$@"`, "sh"}
}

func (l processLimit) set(t *testing.T, n int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(l), "pids.max"), []byte(strconv.Itoa(n)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (l processLimit) count(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(l), "pids.current"))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func list(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
