package scale

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"purser/test/harness"
)

// A memory is what the processes of an app take, the one that has loaded it for them included, and what stands above them.
type memory struct{ app, above int64 }

func (m memory) String() string {
	return fmt.Sprintf("%d MiB, and %d above it", m.app>>20, m.above>>20)
}

// A peer is a server that loads an app of Ruby once, and forks the processes that serve it.
type peer struct {
	name   string
	line   func(t *testing.T, app harness.App, n int, socket string) []string
	booted func(p *harness.Program) int    // how many processes serve
	above  func(process harness.Proc) bool // whether it is there for all apps
}

// Each is set as an operator does who wants as many processes all the time, which take a request at a time.
var peers = []peer{
	{
		name: "puma -w N --preload",
		line: func(_ *testing.T, app harness.App, n int, socket string) []string {
			return []string{"puma", "-w", strconv.Itoa(n), "--preload", "-t", "1:1", "-e", "production", "-b", "unix://" + socket, app.Path("config.ru")}
		},
		booted: func(p *harness.Program) int { return strings.Count(p.Log.String(), "booted") },
		above:  func(harness.Proc) bool { return false },
	},
	{
		name: "Passenger",
		line: passenger,
		booted: func(p *harness.Program) (n int) {
			for _, process := range harness.Descendants(p.PID()) {
				if strings.HasPrefix(titleOf(process), "Passenger RubyApp") {
					n++
				}
			}
			return n
		},
		above: func(process harness.Proc) bool {
			title := titleOf(process)
			return !strings.HasPrefix(title, "Passenger RubyApp") && !strings.HasPrefix(title, "Passenger AppPreloader")
		},
	},
}

// passenger is what `passenger start --engine builtin` runs, without the nginx that may be before it, and in the foreground.
func passenger(t *testing.T, app harness.App, n int, socket string) []string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "passenger-config", "--root").Output()
	if err != nil {
		t.Fatalf("passenger is not here (apt install passenger): %v", err)
	}
	size := strconv.Itoa(n)
	return []string{"/usr/lib/passenger/support-binaries/PassengerAgent", "watchdog", "--passenger-root", strings.TrimSpace(string(root)),
		"--no-user-switching", "--default-user", "root", "--instance-registry-dir", app.Dir,
		"--BC", "--listen", "unix:" + socket, "--no-graceful-exit", "--environment", "production", "--app-type", "rack", "--startup-file", "config.ru",
		"--spawn-method", "smart", "--max-pool-size", size, "--min-instances", size, "--max-preloader-idle-time", "0",
		"--disable-security-update-check", "--disable-anonymous-telemetry", app.Dir, "--EC"}
}

func titleOf(process harness.Proc) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", process.PID))
	return string(text)
}

// measure is what an app takes at a peer, when each process has answered.
func (by peer) measure(t *testing.T, app harness.App, n int, of page) (all memory) {
	t.Helper()
	socket := filepath.Join(app.Dir, "s")
	line := by.line(t, app, n, socket)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir, cmd.Env = app.Dir, append(os.Environ(), "PATH=/usr/bin:/bin", "RAILS_ENV=production")
	p, err := harness.StartProgram(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer by.end(p)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	harness.Eventually(t, harness.ReadyLimit, by.name+" answers", func() bool { return ask(client, "http://app"+of.path) == nil })
	harness.Eventually(t, harness.ReadyLimit, by.name+" has booted all", func() bool { return by.booted(p) >= n })
	of.ask(t, client, "http://app", n)
	for _, process := range append(harness.Descendants(p.PID()), harness.Proc{PID: p.PID()}) {
		if by.above(process) {
			all.above += harness.PSS(process.PID)
		} else {
			all.app += harness.PSS(process.PID)
		}
	}
	return all
}

func (by peer) end(p *harness.Program) {
	family := harness.Descendants(p.PID())
	_, _ = p.Stop(harness.Patience)
	for _, process := range family {
		if cmd, err := os.FindProcess(process.PID); err == nil && harness.Alive(process.PID) {
			_ = cmd.Kill()
		}
	}
}

// A page is what processes are asked for, and about how often each of them.
type page struct {
	path  string
	times int
}

// ask has as many clients as there are processes ask at once, so that each process answers.
func (of page) ask(t *testing.T, client *http.Client, site string, n int) {
	t.Helper()
	var asking sync.WaitGroup
	for range n {
		asking.Go(func() {
			for range of.times {
				if err := ask(client, site+of.path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	asking.Wait()
}

func ask(client *http.Client, url string) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return nil
}
