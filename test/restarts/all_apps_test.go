package restarts

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// Five apps restart side by side with max_spawns = 2, and never more than that boot at once.
func TestAllAppsRestartSideBySideWithinTheLimitOfSpawns(t *testing.T) {
	t.Parallel()
	const apps, n, limit = 5, 3, 2
	log := t.TempDir() + "/boots"
	sites, text := map[string]site.Site{}, harness.ServerTable(fmt.Sprintf("max_spawns = %d", limit))
	start := fmt.Sprintf("#!/bin/sh\necho $$ $(date +%%s%%N) >>%s\nexec %s\n", log, site.Program(t))
	deploy := func(s site.Site, version int) {
		harness.WriteFile(t, s.Deploy(site.Release{Version: version, Boot: 300}), "start", start)
	}
	for i := range apps {
		name := fmt.Sprintf("app%d", i)
		sites[name] = site.New(t, site.Release{Version: 1})
		harness.WriteFile(t, site.CurrentOf(t, sites[name]), "start", start)
		text += harness.AppTable(name, sites[name].Current(), `command = ["./start"]`, harness.Processes(n), fmt.Sprintf("hosts = [%q]", name+".test"),
			fmt.Sprintf("[apps.%s.restart]\nsurge = %d", name, n))
	}
	p := harness.Serve(t, harness.Options{Config: text})
	for name := range sites {
		harness.Eventually(t, harness.Patience, name+" is up", func() bool { return len(p.Status(t, name).Ready()) == n })
	}
	events := p.Follow(t, "")
	for name := range sites {
		deploy(sites[name], 2)
	}
	result := harness.StartCommand(t, p, "restart", "--all").MustExit(t, 0)
	for name := range sites {
		mustBeAt(t, p, name, 2)
	}

	ready := map[int]time.Time{}
	harness.Eventually(t, harness.Patience, "all are told ready", func() bool {
		for _, e := range events.Seen(t) {
			if e.Kind == "process" && e.What == "ready" {
				ready[e.PID] = e.At
			}
		}
		return len(ready) == apps*n
	})
	most, inAll := mostAtOnce(t, log, ready)
	if most != limit {
		t.Errorf("with max_spawns = %d there were %d of %d apps booting at once", limit, most, apps)
	}
	if result.Took >= inAll {
		t.Errorf("side by side it took %v, as long as one boot after the other (%v)", result.Took, inAll)
	}
	t.Logf("%d apps with %d processes: %d were booting at once at most, purser restart --all took %v", apps, n, most, result.Took.Round(time.Millisecond))

	for name := range sites {
		deploy(sites[name], 3)
	}
	p.Signal(syscall.SIGUSR1)
	for name := range sites {
		harness.AwaitRestart(t, p, name, 3)
		mustBeAt(t, p, name, 3)
	}
}

// mustBeAt expects that all processes of an app are of a generation, and answer as that version.
func mustBeAt(t *testing.T, p *harness.Purser, app string, generation int) {
	t.Helper()
	for _, process := range p.Status(t, app).Processes {
		if process.Generation != generation {
			t.Errorf("a process of %s is of generation %d, not %d", app, process.Generation, generation)
		}
	}
	a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+app+".test\r\nConnection: close\r\n\r\n")
	if harness.WordIn(a.Body, "v") != strconv.Itoa(generation) {
		t.Errorf("%s answers %q", app, a.Body)
	}
}

// mostAtOnce is how many processes were booting at the same time, of those whose readiness is known, and how
// long their boots took in all.
func mostAtOnce(t *testing.T, log string, ready map[int]time.Time) (most int, inAll time.Duration) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	type boot struct{ from, to time.Time }
	var boots []boot
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		pid, _ := strconv.Atoi(words[0])
		ns, _ := strconv.ParseInt(words[1], 10, 64)
		if to, known := ready[pid]; known {
			boots = append(boots, boot{time.Unix(0, ns), to})
		}
	}
	if len(boots) != len(ready) {
		t.Fatalf("%d processes have begun to boot, and %d were ready", len(boots), len(ready))
	}
	for _, at := range boots {
		inAll += at.to.Sub(at.from)
		together := 0
		for _, b := range boots {
			if !b.from.After(at.from) && b.to.After(at.from) {
				together++
			}
		}
		most = max(most, together)
	}
	return most, inAll
}
