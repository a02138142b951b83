package processes

import (
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// A badStart is an app that starts and never serves: purser runs on, answers 503 and says why.
type badStart struct {
	name string
	keys []string
	want []string // in the failure's reason and output
}

func TestAppThatNeverServesIsExplainedInOneSentence(t *testing.T) {
	for _, b := range []badStart{
		{"exits at once", []string{`command = "sh -c 'echo no database here; exit 3'"`}, []string{"no database here", "3"}},
		{"never listens", []string{`command = "sleep 1000"`, `start_timeout = "500ms"`}, []string{"500ms"}},
		{"program missing", []string{`command = ["/nowhere/program"]`}, []string{"/nowhere/program"}},
	} {
		t.Run(b.name, b.test)
	}
}

func (b badStart) test(t *testing.T) {
	app := harness.EmptyApp(t)
	p := harness.Start(t, harness.Options{Config: harness.Config(app.Dir, append(b.keys, harness.Processes(1))...)})
	var failure *harness.Failure
	harness.Eventually(t, harness.Patience, "the failure is in the status", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		failure = s.Failure
		return err == nil && failure != nil
	})
	all := failure.Reason + "\n" + strings.Join(failure.Output, "\n")
	for _, want := range b.want {
		if !strings.Contains(all, want) {
			t.Errorf("the failure does not say %q: %s", want, all)
		}
	}
	if strings.Contains(failure.Reason, "\n") {
		t.Errorf("the reason is more than one sentence: %q", failure.Reason)
	}
	answer := harness.Get(t, p, "/")
	if answer.StatusCode != 503 || answer.Header.Get("Purser-Error") != "start_failed" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("visitors get %d, Purser-Error %q, Retry-After %q; not 503 start_failed with Retry-After", answer.StatusCode,
			answer.Header.Get("Purser-Error"), answer.Header.Get("Retry-After"))
	}
	if strings.Contains(answer.Body, "no database here") {
		t.Error("a visitor is shown the app's output in production")
	}
	if ready := p.AdminRequest(t, "GET", "/readyz", nil); ready.StatusCode == 200 {
		t.Error("/readyz says ready though no app serves")
	}
	if result := p.Run(harness.Within(t), "restart", "app"); result.Code != 1 {
		t.Errorf("purser restart exited with %d, not 1: %s", result.Code, result.Stderr)
	}
	t.Logf("reason: %s", failure.Reason)
}

func TestReleaseThatHangsAtBootIsGivenUpAtItsDeadline(t *testing.T) {
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), `start_timeout = "3s"`)})
	harness.AwaitReady(t, p, 2)
	before := p.Status(t, "app").PIDs()
	app.Write("app.js", "setInterval(() => {}, 1000);")
	begin := time.Now()
	result := p.Run(harness.Within(t), "restart", "app")
	if result.Code != 1 || !strings.Contains(result.Stderr, "3s") {
		t.Errorf("purser restart exited with %d after %v: %s", result.Code, time.Since(begin), result.Stderr)
	}
	if !harness.SamePIDs(before, p.Status(t, "app").Ready()) {
		t.Error("the old processes were touched")
	}
	if left := len(p.Family()); left != 2 {
		t.Errorf("%d processes are left below purser, not 2", left)
	}
}
