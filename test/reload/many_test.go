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
	t.Logf("a reload of one of 1,001 apps takes %v (%v to %v)", took[3].Round(time.Millisecond), took[0].Round(time.Millisecond), took[6].Round(time.Millisecond))
	if took[3] > 300*time.Millisecond {
		t.Errorf("that is more than 300 ms")
	}
}
