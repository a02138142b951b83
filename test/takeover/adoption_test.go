package takeover

import (
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

const kills = 50

// Three apps of three processes are under load, WebSockets are open and one of the apps is being restarted, while the
// front is killed again and again.
func TestAppsAndTheirRestartsOutliveFiftyFronts(t *testing.T) {
	names := []string{"a", "shop", "slow"}
	apps, config := map[string]harness.App{}, harness.ServerTable()
	for _, name := range names {
		apps[name] = harness.NewApp(t, "node")
		config += harness.AppTable(name, apps[name].Dir, harness.Processes(3), "hosts = [\""+name+"\"]", "env = { BOOT_MS = \"1000\" }")
	}
	p := harness.Serve(t, harness.Options{Config: config})
	before := map[string][]int{}
	for _, name := range names {
		awaitThree(t, p, name)
		before[name] = harness.SortedPIDs(p.Status(t, name).Ready())
	}
	gets := harness.Load{Addr: p.Addr, Host: "a", Rate: 200, Fresh: true}.Begin()
	posts := harness.Load{Addr: p.Addr, Host: "shop", Rate: 20, Method: "POST", Path: "/count", Body: "of a form", Fresh: true}.Begin()
	var killed []span
	var restart harness.Command
	for n := range kills {
		harness.OpenWebSocket(t, p).MustEcho("still there")
		if n == kills/5 {
			apps["slow"].Write("VERSION", "2")
			restart = harness.StartCommand(t, p, "restart", "slow")
			harness.Eventually(t, harness.Patience, "the restart is under way", func() bool { return len(p.History(t, "slow")) > 0 })
		}
		begin := time.Now()
		harness.Kill(t, p.Front())
		killed = append(killed, span{begin, time.Now()})
		awaitAnswersAfter(t, gets, time.Now())
	}
	mustLoseOnlyWhatWasUnderWay(t, "GETs", gets.End(), killed)
	mustLoseOnlyWhatWasUnderWay(t, "POSTs", posts.End(), killed)
	for _, name := range names[:2] {
		if after := harness.SortedPIDs(p.Status(t, name).Ready()); !slices.Equal(after, before[name]) {
			t.Errorf("the processes of %s were %v and are %v", name, before[name], after)
		}
	}
	mustEndTruthfully(t, p, restart, before["slow"])
}

func awaitThree(t *testing.T, p *harness.Purser, name string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, name+" has three processes", func() bool { return len(p.Status(t, name).Ready()) == 3 })
}

// awaitAnswersAfter waits until the next front has served for a while. One that is killed at once, again and again, is
// waited with.
func awaitAnswersAfter(t *testing.T, load *harness.Running, since time.Time) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "100 are answered again", func() bool {
		return len(load.SoFar().Where(func(s harness.Sample) bool { return s.Due.After(since) && s.Status == 200 })) > 100
	})
}

// mustLoseOnlyWhatWasUnderWay expects that each request that has failed was under way when a front was killed, and says
// how long the others have waited at most.
func mustLoseOnlyWhatWasUnderWay(t *testing.T, what string, report harness.Report, killed []span) {
	t.Helper()
	lost := report.Failed()
	for _, s := range lost {
		if !slices.ContainsFunc(killed, func(at span) bool { return s.Due.Before(at.end) && s.Answered().After(at.begin) }) {
			t.Errorf("%s: one failed that was not under way at a kill: %d, %v", what, s.Status, s.Err)
		}
	}
	answered := harness.Report{Samples: report.Where(func(s harness.Sample) bool { return s.Status == 200 })}
	t.Logf("%s: %v; lost at %d kills: %d; the longest outage was %v", what, report, len(killed), len(lost), answered.Max())
}

// A span is in which a front was killed: its pid has to be looked for.
type span struct{ begin, end time.Time }

// mustEndTruthfully expects that the restart ends as done, that whoever has waited for it is told, that nothing is left
// of the old processes, and that the app was restarted only once.
func mustEndTruthfully(t *testing.T, p *harness.Purser, restart harness.Command, old []int) {
	t.Helper()
	restart.MustExit(t, 0)
	if past := p.History(t, "slow"); len(past) != 1 || past[0].Kind != "restart" || past[0].Outcome != "done" {
		t.Errorf("the history is %+v", past)
	}
	now := p.Status(t, "slow")
	if now.Generation != 2 || len(now.Ready()) != 3 {
		t.Errorf("generation %d has %d processes", now.Generation, len(now.Ready()))
	}
	harness.MustBeGone(t, old)
	if a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: slow\r\nConnection: close\r\n\r\n"); a.StatusCode != 200 || !strings.Contains(a.Body, "v=2") {
		t.Errorf("it answers with %d %s", a.StatusCode, a.Body)
	}
}
