package scale

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"purser/test/harness"
)

// A machine may serve a thousand apps that hardly anybody visits. Each costs a little memory, and nothing else.
func TestAThousandAppsThatRestCostLittle(t *testing.T) {
	const (
		apps, watched = 1000, 20 * time.Second
		mostMemory    = 80 << 20
		mostThreads   = 40
		mostCPU       = 0.01                   // of a core, with room for a machine that has other work
		mostWait      = 300 * time.Millisecond // of a request for the status
		mostStop      = 5 * time.Second
	)
	text := harness.ServerTable()
	for i := range apps {
		name := "app" + strconv.Itoa(i)
		text += harness.AppTable(name, harness.EmptyApp(t).Dir, `command = "sleep 1000"`, "min_processes = 0", fmt.Sprintf("hosts = [%q]", name+".example"))
	}
	p := harness.Start(t, harness.Options{Config: text})
	harness.Eventually(t, harness.ReadyLimit, "purser answers", func() bool { return p.Run(harness.Within(t), "status", "app0").Code == 0 })

	var waits []time.Duration
	for range 9 {
		begin := time.Now()
		p.AdminRequest(t, "GET", "/v1/status", nil)
		waits = append(waits, time.Since(begin))
	}
	slices.Sort(waits)
	before := cpuOf(t, p)
	<-time.After(watched) // what is measured
	cpu := float64(cpuOf(t, p)-before) / float64(watched)
	memory, threads := harness.RSS(p.PID()), len(list(t, "/proc/"+strconv.Itoa(p.PID())+"/task"))
	begin := time.Now()
	if code, err := p.Stop(harness.Patience); code != 0 || err != nil {
		t.Errorf("purser ended with %d, %v", code, err)
	}
	stop := time.Since(begin)
	t.Logf("1,000 apps that rest: %d MiB, %d threads, %.2f %% of a core, status in %v, gone after %v",
		memory>>20, threads, 100*cpu, waits[4].Round(time.Millisecond), stop.Round(time.Millisecond))
	if memory > mostMemory || threads > mostThreads || cpu > mostCPU || waits[4] > mostWait || stop > mostStop {
		t.Error("that is too much")
	}
}
