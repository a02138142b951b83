package status

import (
	"encoding/json"
	"errors"
	"os/user"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"purser/pool"
	"purser/restart/history"
)

func TestHistoryIsAnsweredByAppNumberAndTime(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	r.History.Did(history.Stop, "gone", "alice", "", now.Add(-time.Hour), nil)
	r.History.Did(history.Reload, "", "SIGHUP", "", now, errors.New("web.toml:3: no"))
	for path, want := range map[string]int{
		"/v1/history": 2, "/v1/history?n=1": 1, "/v1/history?n=0&since=1h": 2, "/v1/apps/gone/history": 1, "/v1/apps/blog/history": 0,
	} {
		status, _, body := r.call(t, "GET", path, "")
		var a HistoryAnswer
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || a.History == nil || len(a.History) != want {
			t.Errorf("%s is answered with %d %s, want %d entries", path, status, body, want)
		}
	}
	for path, want := range map[string]int{
		"/v1/history?n=-1": 400, "/v1/history?n=few": 400, "/v1/history?since=soon": 400, "/v1/history?since=-1h": 400, "/v1/apps/nobody/history": 404,
	} {
		if status, _, body := r.call(t, "GET", path, ""); status != want {
			t.Errorf("%s is answered with %d %s, want %d", path, status, body, want)
		}
	}
}

func TestWhoAsksIsKnown(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.client.Restart(t.Context(), "blog", RestartOptions{Reason: "deploy"})
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := r.Pool.Restart(a.ID); s.By != who.Username || s.From == nil || s.From.Generation != 1 {
		t.Errorf("the restart is by %q from %+v, want %q", s.By, s.From, who.Username)
	}
}

func TestHistoryAsPeopleReadIt(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)
	at := func(ago time.Duration) *time.Time { t := now.Add(-ago); return &t }
	old, next := &history.Code{Generation: 7, Release: "/srv/blog/releases/41"}, &history.Code{Generation: 8, Release: "/srv/blog/releases/42"}
	entries := []history.Entry{
		{At: *at(3 * time.Second), App: "blog", Kind: history.Restart, By: "touch", To: next, From: old, Outcome: history.Running, Reason: "tmp/restart.txt touched"},
		{At: *at(time.Hour), Ended: at(time.Minute), App: "shop", Kind: history.Crash, PID: 4711, To: &history.Code{Generation: 3}, Outcome: history.Failed, Failure: "killed by SIGSEGV", Count: 7},
		{At: *at(2 * time.Hour), Ended: at(2*time.Hour - 3200*time.Millisecond), App: "blog", Kind: history.Restart, By: "alice", To: old, From: old, Outcome: history.Done, Reason: "deploy 41"},
		{At: *at(3 * time.Hour), Ended: at(3 * time.Hour), App: "blog", Kind: history.Restart, By: "alice", To: &history.Code{Generation: 8}, From: old, Outcome: history.Failed, Failure: "no folder"},
		{At: *at(48 * time.Hour), Ended: at(48 * time.Hour), Kind: history.Reload, By: "a very long name of somebody", Outcome: history.Failed, Failure: "/etc/purser/purser.toml:3: there is no key \"rot\"\x1b[2J in [apps.blog]; did you mean \"root\"?"},
		{At: *at(400 * 24 * time.Hour), Kind: history.PurserKilled, Outcome: history.Failed, Failure: "it ended without a stop"},
	}
	var b strings.Builder
	if err := WriteHistory(&b, entries, HistoryText{Now: now, Width: 80, Apps: true}); err != nil {
		t.Fatal(err)
	}
	const want = `When          App   What           By                How it went
11:59:57      blog  restart        touch             running for 3 s, generation
                                                     7 to 8, 41 to 42
                                                     (tmp/restart.txt touched)
11:59:00      shop  crash          -                 7 times since 11:00:00,
                                                     generation 3, pid 4711:
                                                     killed by SIGSEGV
10:00:00      blog  restart        alice             done after 3.2 s,
                                                     generation 7 to 7 (deploy
                                                     41)
09:00:00      blog  restart        alice             failed, generation 7 to 8:
                                                     no folder
Nov 19 12:00  -     reload         a very long nam…  failed:
                                                     /etc/purser/purser.toml:3:
                                                     there is no key "rot"�[2J
                                                     in [apps.blog]; did you
                                                     mean "root"?
2025-10-17    -     purser killed  -                 it ended without a stop
`
	if b.String() != want {
		t.Errorf("the history is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestAppsAreListedInEightyColumns(t *testing.T) {
	now := time.Now()
	app := func(name string, hosts ...string) App {
		return App{GroupSnapshot: pool.GroupSnapshot{Name: name, Root: "/srv/" + name, Condition: pool.Up, Generation: 8, MaxProcesses: 6, Queue: 2,
			Release: pool.Release{Path: "/srv/" + name + "/releases/20261121115900"}}, Hosts: hosts,
			Processes: []Process{{ProcessSnapshot: pool.ProcessSnapshot{State: "ready", Requests: 3, Started: now.Add(-5 * time.Hour)}, Memory: 52 << 20}}}
	}
	ended := now.Add(-12 * time.Minute)
	shop := app("shop", "shop.example.org", "www.example.org", "example.org")
	shop.Restart = &pool.RestartSnapshot{Generation: 8, State: pool.RestartDone, Ended: &ended}
	shop.Release.Revision = "9f2c1e7aa0"
	resting := app("api-with-a-very-long-name", "api.example.org")
	resting.Condition, resting.Processes = pool.Resting, nil
	d := Document{Now: now, Apps: []App{shop, app("blog"), resting}}
	var b strings.Builder
	if err := WriteLines(&b, d, 80, false); err != nil {
		t.Fatal(err)
	}
	const want = `App               Condition  Ready  Gen  Reqs  Memory   Up  Release    Hosts
api-with-a-very…  resting      0/6    8     2      0M    -  …21115900  api.exam…
blog              up           1/6    8     5     52M   5h  …21115900  *
shop              up           1/6    8     5     52M  12m  9f2c1e7    shop.… +2
`
	if b.String() != want {
		t.Errorf("the list is\n%s\nwant\n%s", b.String(), want)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > 80 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
}
