package users

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// A front that may run only what was granted has the workers run, too: as the app's user, and no other program.
func TestWorkersRunAsTheUserOfTheirApp(t *testing.T) {
	f := newFolder(t, www)
	f.write("Procfile", "jobs: sleep 1000 # {root}\nmail: exec sleep 1000\n", www)
	p := serve(t, f.app("shop", "[apps.shop.workers.jobs]\ncount = 2\n[apps.shop.workers.mail]\ncommand = [\"sleep\", \"1000\"]\n"))
	harness.AwaitWorkers(t, p, "shop", 1)
	pids := p.WorkerPIDs(t, "shop")
	if len(pids) != 3 {
		t.Fatalf("%d workers run, not 3", len(pids))
	}
	for _, pid := range pids {
		mustBeOf(t, pid, www)
	}
	var indexes []string
	for _, process := range p.Workers(t, "shop")["jobs"].Processes {
		indexes = append(indexes, variable(t, process.PID, "PURSER_INDEX"))
	}
	if slices.Sort(indexes); !slices.Equal(indexes, []string{"0", "1"}) {
		t.Errorf("the workers for jobs have the indexes %q", indexes)
	}
	if result := p.Run(harness.Within(t), "restart", "shop"); result.Code != 0 {
		t.Fatalf("purser restart exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	harness.Kill(t, p.Front())
	harness.AwaitWorkers(t, p, "shop", 2)

	// What is new in the configuration is granted by a reload, and comes with the restart that this begins.
	text, err := os.ReadFile(p.Config)
	must(t, err)
	changed := strings.Replace(string(text), "count = 2", "count = 1", 1) + "[apps.shop.workers.night]\ncommand = \"exec sleep 2000\"\n"
	must(t, os.WriteFile(p.Config, []byte(changed), 0o644))
	if result := p.Run(harness.Within(t), "reload"); result.Code != 0 {
		t.Fatalf("purser reload exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	harness.AwaitWorkers(t, p, "shop", 3)
	all := p.Workers(t, "shop")
	if len(all["jobs"].Processes) != 1 || len(all["mail"].Processes) != 1 || len(all["night"].Processes) != 1 {
		t.Fatalf("the workers are %+v", all)
	}
	mustBeOf(t, all["night"].Processes[0].PID, www)
}

// variable is what a process was started with.
func variable(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "environ"))
	must(t, err)
	_, value, _ := strings.Cut("\x00"+string(text), "\x00"+name+"=")
	value, _, _ = strings.Cut(value, "\x00")
	return value
}

func mustBeOf(t *testing.T, pid, uid int) {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "status"))
	must(t, err)
	if want := fmt.Sprintf("\nUid:\t%d\t%d\t%d\t%d\n", uid, uid, uid, uid); !strings.Contains(string(status), want) {
		t.Errorf("process %d is not that of user %d:\n%s", pid, uid, status)
	}
}
