package restarts

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// A guest is a browser: it keeps its cookies and its connection.
type guest struct {
	client http.Client
	seen   int // the newest generation
}

func newGuests(t *testing.T, n int) []*guest {
	t.Helper()
	guests := make([]*guest, n)
	for i := range guests {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		guests[i] = &guest{client: http.Client{Jar: jar, Transport: transport, Timeout: harness.Patience}}
	}
	return guests
}

// visit asks for the page and returns the generation that answered, and what it was given for an API client.
func (g *guest) visit(t *testing.T, p *harness.Purser, pin string) (generation int, given string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if pin != "" {
		req.Header.Set("Purser-Generation", pin)
	}
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a visitor got %d %q (%v)", resp.StatusCode, body, err)
	}
	return harness.GenerationIn(string(body)), resp.Header.Get("Purser-Generation")
}

// stroll has each guest ask some times, and expects that none goes back. It returns how many are at what.
func stroll(t *testing.T, p *harness.Purser, guests []*guest, times int) map[int]int {
	t.Helper()
	for range times {
		for _, g := range guests {
			generation, _ := g.visit(t, p, "")
			if generation < g.seen {
				t.Errorf("a visitor who has seen generation %d was answered by %d", g.seen, generation)
			}
			g.seen = max(g.seen, generation)
		}
	}
	at := map[int]int{}
	for _, g := range guests {
		at[g.seen]++
	}
	return at
}

func TestWhoHasSeenTheNewCodeNeverGetsTheOldWhileBothServe(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(4, `affinity = "forward"`)
	guests := newGuests(t, 20)
	if at := stroll(t, p, guests, 2); at[1] != 20 {
		t.Fatalf("at first the visitors are at %v", at)
	}
	s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0, "--canary", "1")
	// The mixed state is held open: by and by each gets to the canary, and then stays there.
	at := stroll(t, p, guests, 1)
	if at[1] == 0 {
		t.Errorf("a canary of 1 of 4 has got all visitors at their first request: %v", at)
	}
	for range 30 {
		if at = stroll(t, p, guests, 1); at[1] == 0 {
			break
		}
	}
	if at[2] == 0 {
		t.Errorf("no visitor ever got to the canary: %v", at)
	}
	for range 12 {
		stroll(t, p, guests, 1)
	}
	strangers := 0 // those who have seen nothing yet get the old code still
	for range 40 {
		if generation, _ := newGuests(t, 1)[0].visit(t, p, ""); generation == 1 {
			strangers++
		}
	}
	if strangers == 0 {
		t.Error("who has seen nothing yet only gets to the canary: it is no mixed state")
	}
	mustFollowThePin(t, p)

	s.Deploy(site.Release{Version: 3})
	mustAllGoForward(t, p, guests, 3)

	// A rollback is the one thing that takes them back, and then nobody is turned away.
	if result := p.Run(harness.Within(t), "rollback", "app"); result.Code != 0 {
		t.Fatalf("purser rollback exited with %d: %s", result.Code, result.Stderr)
	}
	for _, g := range guests {
		if generation, _ := g.visit(t, p, ""); generation == 3 {
			t.Errorf("after the rollback a visitor was answered by generation 3")
		}
	}
}

// mustAllGoForward has the guests ask through a whole restart, and expects that all get to its generation.
func mustAllGoForward(t *testing.T, p *harness.Purser, guests []*guest, generation int) {
	t.Helper()
	rolling := harness.StartCommand(t, p, "restart", "app")
	for at := 0; at < len(guests); at = stroll(t, p, guests, 1)[generation] {
		if now := p.Status(t, "app"); now.Generation != generation || harness.RestartState(now) != "done" {
			continue
		}
		if after := stroll(t, p, guests, 1); after[generation] != len(guests) {
			t.Errorf("after the restart to generation %d the visitors are at %v", generation, after)
		}
		break
	}
	rolling.MustExit(t, 0)
}

// mustFollowThePin expects that an API client, which keeps no cookies, goes forward by a field of its requests.
func mustFollowThePin(t *testing.T, p *harness.Purser) {
	t.Helper()
	pin := ""
	for range 100 {
		generation, given := newGuests(t, 1)[0].visit(t, p, "")
		if given == "" {
			t.Fatal("an answer has no field Purser-Generation")
		}
		if generation == 2 {
			pin = given
			break
		}
	}
	if pin == "" {
		t.Fatal("in 100 requests nobody got to the canary")
	}
	for range 20 {
		if generation, _ := newGuests(t, 1)[0].visit(t, p, pin); generation != 2 {
			t.Errorf("an API client that shows the pin of generation 2 was answered by %d", generation)
		}
	}
	forged := 0
	for range 40 { // a pin that nobody has signed is none
		if generation, _ := newGuests(t, 1)[0].visit(t, p, "2.AAAAAAAAAAAAAAAAAAAAAA"); generation == 1 {
			forged++
		}
	}
	if forged == 0 {
		t.Error("a forged pin is believed")
	}
}
