package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"purser/conf"
	"purser/pool"
)

// follow waits for the end of a restart, or its canary.
func (r *rig) follow(t *testing.T, a Accepted, err error) pool.RestartSnapshot {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	last, err := r.client.WaitRestart(t.Context(), a.ID, func(pool.RestartSnapshot) {})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestACanaryIsPromoted(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	status, _, body := r.call(t, "POST", "/v1/apps/blog/restarts", `{"canary":1}`)
	var a Accepted
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 202 {
		t.Fatalf("it was answered with %d %s", status, body)
	}
	if s := r.follow(t, a, nil); s.State != pool.RestartCanary || s.Replaced != 1 || s.Total != 2 {
		t.Fatalf("the wait for the canary ended with %+v", s)
	}
	if status, _, body := r.call(t, "GET", "/v1/restarts/"+a.ID+"?wait=60s", ""); status != 200 || !strings.Contains(body, `"state":"canary"`) {
		t.Errorf("a canary that waits is answered with %d %s", status, body)
	}
	promoted, err := r.client.Promote(t.Context(), "blog")
	if promoted != a {
		t.Errorf("what goes on is %+v, not %+v", promoted, a)
	}
	if s := r.follow(t, promoted, err); s.State != pool.RestartDone || s.Replaced != 2 {
		t.Errorf("after that it ended with %+v", s)
	}
}

func TestACanaryIsRolledBack(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	a, err := r.client.Restart(t.Context(), "blog", RestartOptions{Canary: conf.Amount{Percent: 10}})
	if s := r.follow(t, a, err); s.State != pool.RestartCanary {
		t.Fatalf("the wait for the canary ended with %+v", s)
	}
	back, err := r.client.Rollback(t.Context(), "blog", "too slow")
	if s := r.follow(t, back, err); s.State != pool.RestartDone || s.Strategy != pool.Rollback || s.Generation != 1 || s.Reason != "too slow" {
		t.Errorf("the rollback ended with %+v", s)
	}
	if s := r.follow(t, a, nil); s.State != pool.RestartFailed || s.Failure == nil || !strings.Contains(s.Failure.Reason, "too slow") {
		t.Errorf("the restart ended with %+v", s)
	}
}

func TestTheStrategyIsTheAppsUnlessTheCallSays(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	for options, want := range map[RestartOptions]string{{}: pool.Rolling, {Strategy: pool.Blocking}: pool.Blocking, {Strategy: pool.BlueGreen}: pool.BlueGreen} {
		a, err := r.client.Restart(t.Context(), "blog", options)
		if s := r.follow(t, a, err); s.State != pool.RestartDone || s.Strategy != want {
			t.Errorf("the options %+v ended with %+v", options, s)
		}
	}
}

func TestAHookMayTakeLongerThanAnyAnswer(t *testing.T) {
	r := newRigWith(t, false, hasty)
	r.awaitReady(t)
	a, err := r.client.Restart(t.Context(), "blog", RestartOptions{Reason: "hooked"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restart is done", func() bool {
		s, _ := r.Pool.Restart(a.ID)
		return s.State == pool.RestartDone
	})
}

func TestThePoolsRefusalsHaveCodes(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	code := func(_ Accepted, err error) string {
		refusal, ok := errors.AsType[*Error](err)
		if !ok || refusal.Status != 409 {
			t.Errorf("it is no refusal: %v", err)
			return ""
		}
		return refusal.Code
	}
	if got := code(r.client.Rollback(t.Context(), "blog", "")); got != CodeNothingOlder {
		t.Errorf("the first release is rolled back with %s", got)
	}
	if got := code(r.client.Promote(t.Context(), "blog")); got != CodeNoCanary {
		t.Errorf("nothing is promoted with %s", got)
	}
	if err := r.Pool.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := code(r.client.Rollback(t.Context(), "blog", "")); got != CodeClosing {
		t.Errorf("a pool that is closed is rolled back with %s", got)
	}
}

func TestAProcessIsDetached(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	if err := r.client.Detach(t.Context(), "blog", os.Getpid()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another takes its place", func() bool {
		s := r.Pool.Group("blog").Snapshot()
		return len(s.Processes) == 2 && r.newest() > 6
	})
	for _, pid := range []string{"1", "-1", "x"} {
		status, _, body := r.call(t, "POST", "/v1/apps/blog/processes/"+pid+"/detach", "")
		if status != 404 || !strings.Contains(body, CodeNoProcess) {
			t.Errorf("the pid %s is answered with %d %s", pid, status, body)
		}
	}
}

func TestAMarkIsNeededUntilItIsSettled(t *testing.T) {
	r := newRig(t)
	if app, err := r.client.App(t.Context(), "blog"); err != nil || app.NeedsRestart == nil || len(app.NeedsRestart) != 0 {
		t.Errorf("before it is marked it needs %v (%v)", app.NeedsRestart, err)
	}
	if err := r.client.Mark(t.Context(), "blog", "openssl"); err != nil {
		t.Fatal(err)
	}
	app, err := r.client.App(t.Context(), "blog")
	if err != nil || len(app.NeedsRestart) != 1 || app.NeedsRestart[0].Reason != "blog: openssl" {
		t.Errorf("it needs %+v (%v)", app.NeedsRestart, err)
	}
	if status, _, body := r.call(t, "POST", "/v1/apps/blog/mark", `{"reason":"unwritable"}`); status != 409 || !strings.Contains(body, CodeNotMarked) {
		t.Errorf("a mark that cannot be is answered with %d %s", status, body)
	}
}

func TestTheLastRestartsAreListed(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	var ids []string
	for i := range 3 {
		a, err := r.client.Restart(t.Context(), "blog", RestartOptions{Reason: fmt.Sprint(i)})
		r.follow(t, a, err)
		ids = append([]string{a.ID}, ids...)
	}
	for _, path := range []string{"/v1/restarts", "/v1/restarts?app=blog"} {
		_, _, body := r.call(t, "GET", path, "")
		var got struct{ Restarts []pool.RestartSnapshot }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Restarts) != 3 || got.Restarts[0].ID != ids[0] || got.Restarts[2].ID != ids[2] || got.Restarts[0].Replaced != 2 {
			t.Errorf("GET %s answered %s, want %v", path, body, ids)
		}
	}
	if status, _, _ := r.call(t, "GET", "/v1/restarts?app=blgo", ""); status != 404 {
		t.Errorf("the restarts of no app are answered with %d", status)
	}
}

func TestAReasonIsOneLineThatControlsNothing(t *testing.T) {
	r := newRig(t)
	r.awaitReady(t)
	for reason, want := range map[string]string{
		"release 42":                       "release 42",
		"a NUL\x00 ends a variable":        "a NUL ends a variable",
		"\x1b[2Jgone, and \u202ebackwards": "[2Jgone, and backwards",
		"two\nlines":                       "two lines",
		strings.Repeat("ü", 30<<10):        strings.Repeat("ü", 100) + "…",
	} {
		a, err := r.client.Restart(t.Context(), "blog", RestartOptions{Reason: reason})
		if s := r.follow(t, a, err); s.Reason != want {
			t.Errorf("the restart's reason is %q, want %q", s.Reason, want)
		}
		a, err = r.client.Rollback(t.Context(), "blog", reason)
		if s := r.follow(t, a, err); s.Reason != want {
			t.Errorf("the rollback's reason is %q, want %q", s.Reason, want)
		}
	}
}
