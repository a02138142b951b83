package restarts

import (
	"fmt"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// Three deploys with a WebSocket for each of 200 clients. Each comes while the clients are moving on from
// the one before, so that several old generations have some. Half of the releases end at TERM at once, the
// others go on until their WebSockets have ended.
func TestWebSocketsThroughThreeDeploysMoveOnALittleAtATime(t *testing.T) {
	const (
		n          = 4
		clients    = 200
		maxOld     = 2
		window     = 2 * time.Second
		inOneTenth = 0.4
	)
	s := site.New(t, site.Release{Version: 1, Linger: true})
	p := s.Serve(n, `websocket_drain_timeout = "1s"`, `websocket_close_window = "2s"`, `stop_timeout = "10s"`,
		harness.RestartTable("surge = 2", fmt.Sprintf("max_old_generations = %d", maxOld)))
	sockets := chat(t, p, clients)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	few, full := atMostAlive(maxOld+1), harness.FewerReadyThan(n)
	look := harness.Observe(t, p, func(s harness.Status) string { return few(s) + full(s) })

	var wanted string
	for version := 2; version <= 4; version++ {
		wanted = s.Deploy(site.Release{Version: version, Boot: 100, Linger: version%2 == 1})
		before := len(sockets.closedSoFar())
		result := harness.MustRestart(t, p, 0)
		t.Logf("deploy %d took %v, %d WebSockets were closed before", version-1, result.Took.Round(time.Millisecond), before)
		harness.Eventually(t, harness.Patience, "a third of the clients is moving on", func() bool { return len(sockets.closedSoFar()) >= before+clients/3 })
	}
	harness.Eventually(t, harness.Patience, "all clients are on the newest generation", sockets.allOn(4))
	harness.Eventually(t, harness.Patience, "only the newest generation is left", func() bool { return len(p.Status(t, "app").Processes) == n })
	harness.MustOnlyLive(t, p, n, wanted)
	looks := look.End()
	report := load.End()
	sockets.end()
	harness.MustNotFail(t, report)
	closed := sockets.closedSoFar()
	mustBeSpread(t, closed, window, inOneTenth)
	t.Logf("%v; %d looks; %d WebSockets closed; opened by generation: %v", report, looks, len(closed), sockets.opened)
}

// mustBeSpread expects that each closing says 1012 (service restart), and that for each process they are
// spread over the window: no tenth of it holds more than a share of them.
func mustBeSpread(t *testing.T, all []closing, window time.Duration, share float64) {
	t.Helper()
	of := map[int][]closing{}
	for _, c := range all {
		if c.code != 1012 {
			t.Errorf("a WebSocket of process %d was closed with %d, not 1012", c.pid, c.code)
		}
		of[c.pid] = append(of[c.pid], c)
	}
	for pid, closings := range of {
		if len(closings) < 30 {
			continue // too few to tell
		}
		first := closings[0].at
		for _, c := range closings {
			if c.at.Before(first) {
				first = c.at
			}
		}
		tenths := [10]int{}
		for _, c := range closings {
			tenths[min(9, int(c.at.Sub(first)*10/window))]++
		}
		t.Logf("process %d closed %d WebSockets, in tenths of the window: %v", pid, len(closings), tenths)
		for i, count := range tenths {
			if float64(count) > share*float64(len(closings)) {
				t.Errorf("%d of the %d WebSockets of process %d were closed in tenth %d of the window", count, len(closings), pid, i+1)
			}
		}
	}
}

// Their WebSockets may stay for an hour, but not on more than two old generations: the oldest goes for a
// third. The younger ones are left in peace.
func TestOnlyTheOldestGenerationGoesWhenTooManyLiveForTheirWebSockets(t *testing.T) {
	const (
		n       = 2
		maxOld  = 2
		deploys = 4
		clients = 20
	)
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, `websocket_drain_timeout = "1h"`, `websocket_close_window = "500ms"`, harness.RestartTable(fmt.Sprintf("max_old_generations = %d", maxOld)))
	look := harness.Observe(t, p, atMostAlive(maxOld+1))
	groups := []*chatters{chat(t, p, clients)}
	for version := 2; version <= 1+deploys; version++ {
		s.Deploy(site.Release{Version: version, Boot: 20})
		harness.MustRestart(t, p, 0)
		groups = append(groups, chat(t, p, clients))
		if oldest := version - maxOld - 1; oldest > 0 {
			harness.Eventually(t, harness.Patience, "the clients of the oldest generation are told to move on", func() bool {
				return len(groups[oldest-1].closedSoFar()) >= clients
			})
		}
	}
	look.End()
	for i, group := range groups {
		want := 0
		if i < deploys-maxOld {
			want = clients
		}
		if closed := group.closedSoFar(); len(closed) != want {
			t.Errorf("%d of the WebSockets that generation %d opened were closed, not %d", len(closed), i+1, want)
		} else if want > 0 {
			mustBeSpread(t, closed, 500*time.Millisecond, 1)
		}
		group.end()
	}
}

// atMostAlive is a check that finds more than n generations wrong. What is asked to exit does not count.
func atMostAlive(n int) func(harness.Status) string {
	return func(s harness.Status) string {
		generations := map[int]bool{}
		for _, p := range s.Processes {
			if p.State != "stopping" {
				generations[p.Generation] = true
			}
		}
		if len(generations) > n {
			return fmt.Sprintf("%d generations are alive", len(generations))
		}
		return ""
	}
}
