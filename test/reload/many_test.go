package reload

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"purser/test/harness"
)

func TestAThousandAppsReloadOfOneIsSoonDone(t *testing.T) {
	l := newLand(t, "blog")
	for i := range 1000 {
		l.apps[fmt.Sprintf("app%d", i)] = []string{"min_processes = 0"}
	}
	l.write()
	if a := l.p.AdminRequest(t, http.MethodPost, "/v1/reload", nil); a.StatusCode != 202 {
		t.Fatalf("%d %s", a.StatusCode, a.Body)
	}
	load := l.load("blog", 100)
	var took []time.Duration
	for i := range 7 {
		l.apps["app500"] = []string{"min_processes = 0", fmt.Sprintf("max_queue = %d\nenv.A = \"%d\"", i+1, i)}
		l.write()
		begin := time.Now()
		if a := l.p.AdminRequest(t, http.MethodPost, "/v1/reload", nil); a.StatusCode != 202 {
			t.Fatalf("%d %s", a.StatusCode, a.Body)
		}
		took = append(took, time.Since(begin))
	}
	harness.MustNotFail(t, load.End())
	slices.Sort(took)
	checked := checkTime(t, l.p.Config)
	t.Logf("a reload of one of 1,001 apps takes %v (%v to %v), to check them all %v", took[3].Round(time.Millisecond), took[0].Round(time.Millisecond), took[6].Round(time.Millisecond), checked.Round(time.Millisecond))
	if took[0] > 4*checked {
		t.Errorf("that is more than four times as long")
	}
}

// checkTime is how long purser check takes for a configuration, which shows how fast the machine is at the moment.
func checkTime(t *testing.T, config string) time.Duration {
	t.Helper()
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	best := harness.Patience
	for range 3 {
		if r := harness.RunBinary(harness.Within(t), bin, nil, "check", "-c", config); r.Code != 0 {
			t.Fatalf("purser check exited with %d: %s", r.Code, r.Stderr)
		} else {
			best = min(best, r.Took)
		}
	}
	return best
}
