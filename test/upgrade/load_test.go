package upgrade

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/test/harness"
)

// Three apps of three processes are under load, and WebSockets are open, while two versions take each other's place again
// and again.
func TestUpgradesUnderLoadLoseNothing(t *testing.T) {
	names := []string{"a", "shop", "slow"}
	config := harness.ServerTable()
	for _, name := range names {
		app := harness.NewApp(t, "node")
		config += harness.AppTable(name, app.Dir, harness.Processes(3), "hosts = [\""+name+"\"]", `websocket_close_window = "500ms"`, `env = { ENDS_SOCKETS = "1" }`)
	}
	p := harness.Serve(t, harness.Options{Config: config})
	before := map[string][]int{}
	for _, name := range names {
		harness.Eventually(t, harness.Patience, name+" has three processes", func() bool { return len(p.Status(t, name).Ready()) == 3 })
		before[name] = harness.SortedPIDs(p.Status(t, name).Ready())
	}
	loads := map[string]*harness.Running{
		"GETs, each on a connection of its own": harness.Load{Addr: p.Addr, Host: "a", Rate: 100, Fresh: true}.Begin(),
		"GETs on connections that are kept":     harness.Load{Addr: p.Addr, Host: "slow", Rate: 100, Idle: time.Second}.Begin(),
		"POSTs":                                 harness.Load{Addr: p.Addr, Host: "shop", Rate: 20, Method: "POST", Path: "/count", Body: "of a form", Fresh: true}.Begin(),
	}
	seen := watchFronts(t, p)
	binaries := []string{harness.MustNextBinary(t), mustBinary(t)}
	sockets := &sockets{}
	var longest time.Duration
	var level []use
	for n := range *upgrades {
		sockets.open(t, p)
		longest = max(longest, upgrade(t, p, binaries[n%2]).Took)
		level = append(level, useOf(p))
	}
	for what, load := range loads {
		report := load.End()
		harness.MustNotFail(t, report)
		t.Logf("%s: %v", what, report)
	}
	p.AwaitNoOldFronts(t)
	sockets.mustBeClosed(t)
	t.Logf("%d upgrades, the longest took %v; at most %d fronts lived at once", *upgrades, longest, seen.most())
	if seen.most() > 4 { // two old ones, the owner and a candidate
		t.Errorf("%d fronts lived at once", seen.most())
	}
	for _, name := range names {
		if after := harness.SortedPIDs(p.Status(t, name).Ready()); !slices.Equal(after, before[name]) {
			t.Errorf("the processes of %s were %v and are %v", name, before[name], after)
		}
	}
	mustBeLevel(t, level, useOf(p))
}

// Sockets are WebSockets whose clients end them when they are told to, as browsers do.
type sockets struct {
	clients sync.WaitGroup
	closed  atomic.Int32 // with 1012, service restart
	opened  int32
}

func (s *sockets) open(t *testing.T, p *harness.Purser) {
	t.Helper()
	socket := harness.OpenWebSocket(t, p)
	socket.MustEcho("still there")
	s.opened++
	s.clients.Go(func() {
		defer socket.Net.Close()
		frame := make([]byte, 4)
		if _, err := io.ReadFull(socket.In, frame); err == nil && frame[0] == 0x88 && int(frame[2])<<8|int(frame[3]) == 1012 {
			s.closed.Add(1)
		}
	})
}

func (s *sockets) mustBeClosed(t *testing.T) {
	t.Helper()
	s.clients.Wait()
	if n := s.closed.Load(); n != s.opened {
		t.Errorf("%d of %d WebSockets were closed for the sake of a restart", n, s.opened)
	}
}

func mustBinary(t *testing.T) string {
	t.Helper()
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// A use is what the processes of purser take.
type use struct {
	main, keeper            int64 // bytes
	mainFiles, keeperFiles  int
	frontFiles, frontMemory int64 // of the front that serves
}

func useOf(p *harness.Purser) use {
	fronts := p.Fronts()
	front := slices.Max(fronts)
	return use{harness.OwnMemory(p.PID()), harness.OwnMemory(p.Keeper()), harness.Descriptors(p.PID()), harness.Descriptors(p.Keeper()),
		int64(harness.Descriptors(front)), harness.OwnMemory(front)}
}

// mustBeLevel expects that nothing has grown since the first upgrades.
func mustBeLevel(t *testing.T, level []use, last use) {
	t.Helper()
	first := level[len(level)/4]
	t.Logf("after %d upgrades: %+v; after all: %+v", len(level)/4+1, first, last)
	if last.keeperFiles > first.keeperFiles || last.mainFiles > first.mainFiles {
		t.Errorf("the keeper has %d files open, and had %d; the main process %d, and had %d", last.keeperFiles, first.keeperFiles, last.mainFiles, first.mainFiles)
	}
	const most = 3 << 20
	if last.keeper > first.keeper+most || last.main > first.main+most {
		t.Errorf("the keeper has %d KiB, and had %d; the main process %d, and had %d", last.keeper>>10, first.keeper>>10, last.main>>10, first.main>>10)
	}
}

// A frontWatch counts the fronts that live at once.
type frontWatch struct {
	mu   sync.Mutex // guards what follows
	seen int
}

func watchFronts(t *testing.T, p *harness.Purser) *frontWatch {
	w, end := &frontWatch{}, make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			w.mu.Lock()
			w.seen = max(w.seen, len(p.Fronts()))
			w.mu.Unlock()
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(end)
		work.Wait()
	})
	return w
}

func (w *frontWatch) most() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}
