package scale

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// waitingApps are a thousand apps with a request each, and a few others that have all the processes there may be.
type waitingApps struct {
	name     string
	busy     int     // apps with one process each
	kept     int     // of them, those whose process is kept for them
	requests string  // what all of them ask for
	most     float64 // of a core, with room for a machine that has other work
}

func TestAThousandAppsThatWaitForRoomCostLittle(t *testing.T) {
	for _, w := range []waitingApps{
		{name: "for what is mostly kept for others", busy: 5, kept: 4, requests: "/slow?ms=100000", most: 0.06},
		{name: "for requests that take long", busy: 40, requests: "/slow?ms=100000", most: 0.06},
		{name: "and take turns, a dozen in each second", busy: 40, requests: "/slow?ms=3000", most: 0.15},
	} {
		t.Run(w.name, w.test)
	}
}

func (w waitingApps) test(t *testing.T) {
	const waiting, watched = 1000, 10 * time.Second
	p := w.serve(t, waiting)
	ask := func(name string) {
		harness.Dial(t, p).Send("GET " + w.requests + " HTTP/1.1\r\nHost: " + name + ".example\r\n\r\n")
	}
	for i := range w.busy {
		ask("busy" + strconv.Itoa(i))
	}
	harness.Eventually(t, harness.ReadyLimit, "the busy apps are", func() bool { return processesOf(t, p) == w.busy })
	for i := range waiting {
		ask("app" + strconv.Itoa(i))
	}
	harness.Eventually(t, harness.Patience, "the last of the others waits", func() bool { return p.Status(t, "app"+strconv.Itoa(waiting-1)).Queue == 1 })

	before := cpuOf(t, p)
	<-time.After(watched) // what is measured
	share := float64(cpuOf(t, p)-before) / float64(watched)
	if n := p.Status(t, "app"+strconv.Itoa(waiting-1)).Queue; n != 1 {
		t.Errorf("meanwhile %d requests of the last app wait, not 1", n)
	}
	t.Logf("1,000 apps wait %s: %.1f %% of a core, %d MiB", w.name, 100*share, harness.RSS(p.Front())>>20)
	if share > w.most {
		t.Errorf("a thousand apps that wait cost %.1f %% of a core, more than %.0f %%", 100*share, 100*w.most)
	}
}

// serve serves the busy apps and those that are to wait.
func (w waitingApps) serve(t *testing.T, waiting int) *harness.Purser {
	t.Helper()
	if _, err := harness.RaiseFileLimit(); err != nil {
		t.Fatal(err)
	}
	text := harness.ServerTable(fmt.Sprintf("max_processes = %d", w.busy))
	add := func(name string, min int) {
		app := harness.EmptyApp(t)
		app.Write("release.json", `{"version": 1}`)
		text += harness.AppTable(name, app.Dir, fmt.Sprintf("command = [%q]", site.Program(t)), fmt.Sprintf("hosts = [%q]", name+".example"),
			fmt.Sprintf("min_processes = %d", min), "max_processes = 1", `queue_timeout = "10m"`, `request_timeout = "10m"`, `drain_timeout = "10m"`)
	}
	for i := range w.busy {
		add("busy"+strconv.Itoa(i), max(0, min(1, w.kept-i)))
	}
	for i := range waiting {
		add("app"+strconv.Itoa(i), 0)
	}
	p := harness.Start(t, harness.Options{Config: text})
	harness.Eventually(t, harness.ReadyLimit, "purser listens", func() bool { return p.Run(harness.Within(t), "status", "busy0").Code == 0 })
	return p
}

// processesOf is how many processes of all apps are ready.
func processesOf(t *testing.T, p *harness.Purser) (ready int) {
	t.Helper()
	var all struct {
		Apps []harness.Status `json:"apps"`
	}
	p.AdminJSON(t, "/v1/apps", &all)
	for _, app := range all.Apps {
		ready += len(app.Ready())
	}
	return ready
}

func cpuOf(t *testing.T, p *harness.Purser) time.Duration {
	t.Helper()
	proc, err := harness.ReadProc(p.Front())
	if err != nil {
		t.Fatal(err)
	}
	return proc.CPU
}
