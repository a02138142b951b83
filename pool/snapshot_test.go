package pool

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"purser/conf"
)

func TestSnapshotTellsTheFacts(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxQueue = 1, 7 })
	began := s.now
	s.passes(time.Second)
	s.boots(1)
	w := s.asks()
	s.done(w)
	s.passes(time.Minute)
	s.state.hold(s.asks().proc)
	s.restarts("/r2")
	s.passes(3 * time.Second)
	s.exits(2)
	now := s.now
	snapshot := snapshotOf(&s.state, now)
	ended := now
	failure := Failure{At: now, Generation: 2, Reason: "exited with status 1", ErrorID: snapshot.Failure.ErrorID}
	want := GroupSnapshot{
		Name: "blog", Root: "/www/blog", Kind: "command", Environment: "production",
		Choice: "command", Condition: Resisting, Generation: 2, Release: Release{Path: "/r2"}, LastGood: &Release{Path: "/r1"},
		MinProcesses: 1, MaxProcesses: 4, Concurrency: 1, MaxQueue: 7, Processed: 1,
		Processes: []ProcessSnapshot{{
			Number: 1, PID: 101, State: "ready", Generation: 1, Release: "/r1", Connections: 1, Processed: 1,
			Started: began, LastUsed: now,
		}},
		Failure: &failure,
		RetryAt: snapshot.RetryAt,
		Restart: &RestartSnapshot{
			ID: "r-/r2", App: "blog", Generation: 2, Strategy: "rolling", State: RestartFailed, Total: 1,
			Started: began.Add(61 * time.Second), Ended: &ended, Release: Release{Path: "/r2"}, Failure: &failure,
			From: &Served{Generation: 1, Release: Release{Path: "/r1"}},
			Steps: []Step{
				{At: began.Add(61 * time.Second), What: "requested", Generation: 2},
				{At: began.Add(61 * time.Second), What: "spawning", Generation: 2},
				{At: now, What: "gone", Generation: 2},
				{At: now, What: "failed", Generation: 2},
			},
		},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Fatal(diff)
	}
	if snapshot.RetryAt == nil || !snapshot.RetryAt.After(now) {
		t.Fatalf("the next try is at %v", snapshot.RetryAt)
	}
}

func TestFailureIsSinceTheFirstOfItsRow(t *testing.T) {
	s, _ := deployed(t)
	first := s.now
	s.exits(3)
	s.passes(2 * time.Second)
	s.exits(4)
	got(t, "since when it fails", snapshotOf(&s.state, s.now).Failure.At, first)
}

func TestReplacedCountsAgainstTotal(t *testing.T) {
	s, r := deployed(t)
	for _, want := range []int{0, 1} {
		snapshot := s.state.restartSnapshot(r)
		if snapshot.Replaced != want || snapshot.Total != 2 {
			t.Fatalf("it shows %d/%d, not %d/2", snapshot.Replaced, snapshot.Total, want)
		}
		s.boots(s.state.spawned)
		s.exits(s.state.procs[0].number)
	}
	got(t, "at the end", s.state.restartSnapshot(r).Replaced, 2)
}
