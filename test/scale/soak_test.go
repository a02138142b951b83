package scale

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

var soak = flag.Duration("soak", 30*time.Second, "how long TestSoak goes on")

const (
	soakDeploys = 10 * time.Second // from one to the next
	soakHost    = "a"
)

// Mixed traffic over TLS, and a deploy every ten seconds: nothing fails, and nothing of purser grows.
func TestSoak(t *testing.T) {
	app, a := harness.NewApp(t, "node"), harness.NewAuthority(t)
	a.Issue("server", 100*24*time.Hour, soakHost)
	p := harness.Serve(t, harness.Options{Config: fmt.Sprintf("[server]\nlisten = [\"https://$SECURE\"]\nlog_level = \"warn\"\n[server.tls]\ncert = %q\nkey = %q\n",
		filepath.Join(a.Dir, "server.pem"), filepath.Join(a.Dir, "server.key")) + harness.AppTable("app", app.Dir, harness.Processes(2), "max_queue = 0",
		`websocket_drain_timeout = "3s"`, `websocket_close_window = "2s"`)})
	harness.AwaitReady(t, p, 2)

	crowd := begin(t, p, a.Trusting(soakHost))
	loads := map[string]*harness.Running{}
	for name, load := range map[string]harness.Load{
		"small GETs":       {Rate: 30},
		"POSTs of 64 KiB":  {Rate: 5, Method: "POST", Path: "/count", Body: string(make([]byte, 64<<10))},
		"answers of 1 MiB": {Rate: 3, Path: "/big?bytes=1048576"},
	} {
		load.Addr, load.Host, load.TLS = p.Secure, soakHost, a.Trusting(soakHost)
		loads[name] = load.Begin()
	}
	needs := deployAgainAndAgain(t, p, app, *soak)
	crowd.end()
	for name, load := range loads {
		report := load.End()
		harness.MustNotFail(t, report)
		t.Logf("%s: %v", name, report)
	}
	mustNotGrow(t, needs)
}

// deployAgainAndAgain deploys by touch and by command in turn, and returns what purser needed before each.
func deployAgainAndAgain(t *testing.T, p *harness.Purser, app harness.App, length time.Duration) (needs []need) {
	t.Helper()
	tick := time.NewTicker(soakDeploys)
	defer tick.Stop()
	for n := 0; n < int(length/soakDeploys); n++ {
		<-tick.C // the story's pace
		needs = append(needs, needOf(t, p))
		app.Write("VERSION", strconv.Itoa(n+2))
		if n%2 == 0 {
			app.Touch()
		} else {
			p.Order(t, "app", "{}")
		}
		harness.AwaitRestart(t, p, "app", n+2)
	}
	return append(needs, needOf(t, p))
}

// A need is what purser needs of the machine.
type need struct{ memory, descriptors, goroutines float64 }

func needOf(t *testing.T, p *harness.Purser) need {
	t.Helper()
	text := p.AdminRequest(t, "GET", "/metrics", nil).Body
	value := func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + name + ` (.*)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("the metrics have no %s", name)
		}
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return need{value("process_resident_memory_bytes"), value("process_open_fds"), value("go_goroutines")}
}

// mustNotGrow compares the first half with the last: what comes and goes with the traffic is in both.
func mustNotGrow(t *testing.T, needs []need) {
	t.Helper()
	half := len(needs) / 2
	for _, kind := range []struct {
		name  string
		of    func(need) float64
		slack float64
	}{
		{"memory", func(n need) float64 { return n.memory }, 24 << 20},
		{"descriptors", func(n need) float64 { return n.descriptors }, 40},
		{"goroutines", func(n need) float64 { return n.goroutines }, 80},
	} {
		values := make([]float64, len(needs))
		for i, n := range needs {
			values[i] = kind.of(n)
		}
		first, last := slices.Max(values[:half]), median(values[half:])
		t.Logf("%s: at first at most %.0f, later mostly %.0f, at the end %.0f", kind.name, first, last, values[len(values)-1])
		if last > 1.1*first+kind.slack {
			t.Errorf("%s grew from %.0f to %.0f: %.0f", kind.name, first, last, values)
		}
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// A mixture is clients of several kinds that come again and again.
type mixture struct {
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex // guards what follows
	count map[string]int
	wrong []string
}

// client repeats something until the end; an error of it is a failure.
func (m *mixture) client(name string, once func(context.Context) error) {
	m.done.Go(func() {
		for m.ctx.Err() == nil {
			err := once(m.ctx)
			m.mu.Lock()
			if m.count[name]++; err != nil && m.ctx.Err() == nil {
				m.wrong = append(m.wrong, fmt.Sprintf("%s: %v", name, err))
			}
			m.mu.Unlock()
			pause(m.ctx, 50*time.Millisecond)
		}
	})
}

// pause is a client's pace.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (m *mixture) end() {
	m.t.Helper()
	m.cancel()
	m.done.Wait()
	for _, wrong := range m.wrong[:min(10, len(m.wrong))] {
		m.t.Error(wrong)
	}
	m.t.Logf("done so often: %v; failed: %d", m.count, len(m.wrong))
}
