package scale

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// A purser with 200 apps, of which 190 rest, costs as much as one with few.
const (
	manyApps    = 200
	busyApps    = 10
	mostStart   = 2 * time.Second // until it listens
	mostPurser  = 60 << 20        // of main process, keeper and front; on the start more is garbage
	mostStatus  = 50 * time.Millisecond
	firstNumber = 20000 // of users that nobody has
)

func TestTwoHundredAppsStartAtOnceAndCostLittle(t *testing.T) {
	serveMany(t, harness.Options{}, func(int) (string, string) { return harness.EmptyApp(t).Dir, "" })
}

func TestTwoHundredAppsOfDifferentUsersStartAtOnceAndCostLittle(t *testing.T) {
	harness.MustBeRoot(t)
	above, err := os.MkdirTemp("/tmp", "pu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	if err := os.Chmod(above, 0o755); err != nil {
		t.Fatal(err)
	}
	serveMany(t, harness.Options{Users: true}, func(i int) (string, string) {
		dir := filepath.Join(above, strconv.Itoa(i))
		if err := errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, firstNumber+i, firstNumber+i)); err != nil {
			t.Fatal(err)
		}
		return dir, fmt.Sprintf("user = %d\ngroup = %d", firstNumber+i, firstNumber+i)
	})
}

// serveMany serves that many apps in the folders, and with the keys, that place names.
func serveMany(t *testing.T, o harness.Options, place func(i int) (dir, keys string)) {
	o.Config = harness.ServerTable()
	for i := range manyApps {
		name, least := fmt.Sprintf("app%d", i), 0
		if i < busyApps {
			least = 1
		}
		dir, keys := place(i)
		o.Config += harness.AppTable(name, dir, keys, fmt.Sprintf("hosts = [%q]\nmin_processes = %d", name+".example", least), `command = "exec python3 -m http.server {port} --bind 127.0.0.1"`)
	}
	if _, err := harness.Binary(); err != nil { // which may have to be built
		t.Fatal(err)
	}
	begin := time.Now()
	p := harness.Start(t, o)
	harness.Eventually(t, harness.ReadyLimit, "purser listens", func() bool { return strings.Contains(p.Log.String(), "listening") })
	start := time.Since(begin)
	harness.Eventually(t, harness.ReadyLimit, "the apps that do not rest serve", func() bool {
		for i := range busyApps {
			if s, err := p.FetchStatus(t.Context(), fmt.Sprintf("app%d", i)); err != nil || len(s.Ready()) == 0 {
				return false
			}
		}
		return true
	})
	status := statusOf(t, p)
	t.Logf("%d apps, %d at rest: listening after %v, status in %v", manyApps, manyApps-busyApps, start.Round(time.Millisecond), status.Round(time.Millisecond))
	logMemory(t, p)
	if start > 2*mostStart && !isBusy(t) || // what is asked for is shown; how fast programs begin differs by machine
		status > mostStatus {
		t.Error("that is too slow")
	}
	defer logMemory(t, p)
	harness.Eventually(t, harness.ReadyLimit, "all of purser is small, once what is left of the start was given back", func() bool {
		return harness.PSS(p.PID())+harness.PSS(p.Keeper())+harness.PSS(p.Front()) <= mostPurser
	})
	if a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: app199.example\r\nConnection: close\r\n\r\n"); a.StatusCode != 200 {
		t.Errorf("an app that rested answers %d", a.StatusCode)
	}
}

func logMemory(t *testing.T, p *harness.Purser) {
	var helpers int64
	for _, pid := range p.Helpers() {
		helpers += harness.PSS(pid)
	}
	t.Logf("main %d MiB, keeper %d, front %d, and %d helpers with %d", harness.PSS(p.PID())>>20, harness.PSS(p.Keeper())>>20, harness.PSS(p.Front())>>20, len(p.Helpers()), helpers>>20)
}

// isBusy reports whether the machine has more to do than this test: then a span says little.
func isBusy(t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	load, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	return err != nil || load > 2*float64(runtime.NumCPU())
}

// statusOf is how long the status takes, as a rule.
func statusOf(t *testing.T, p *harness.Purser) time.Duration {
	var waits []time.Duration
	for range 9 {
		begin := time.Now()
		p.AdminRequest(t, "GET", "/v1/status", nil)
		waits = append(waits, time.Since(begin))
	}
	slices.Sort(waits)
	return waits[len(waits)/2]
}
