package spawn

import (
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// newHealthStage has an app that serves, behind health checks in quick succession.
func newHealthStage(t *testing.T, change func(*conf.Health)) *stage {
	t.Helper()
	return newStage(t, "serves", func(app *conf.App) {
		app.Health.Interval = time.Millisecond
		change(&app.Health)
	})
}

// asked returns which paths the child was asked for.
func (st *stage) asked() (paths []string) {
	st.t.Helper()
	for _, line := range st.log.lines() {
		if request, ok := strings.CutPrefix(line.Text, "asked for "); ok {
			paths = append(paths, request[strings.LastIndex(request, " ")+1:])
		}
	}
	return paths
}

// wasAsked ends the child, so that all that it said is in the log, and checks what it was asked for.
func (st *stage) wasAsked(child *Child, want ...string) {
	st.t.Helper()
	child.Kill()
	child.Wait()
	if got := st.asked(); !slices.Equal(got, want) {
		st.t.Errorf("it was asked for %q, want %q", got, want)
	}
}

func TestHealthCheckThatPassesAtOnceWaitsForNothing(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) { app.Health.Path = "/up?deep=1" })
	st.wasAsked(st.start(), "/up?deep=1") // the interval is a minute, the start timeout less
}

func TestHealthPathIsAskedUntilEnoughPassInARow(t *testing.T) {
	for _, test := range []struct {
		path   string
		passes int
		asked  int
	}{
		{"/503,503,200", 1, 3},
		{"/200", 3, 3},
		{"/200,200,500,200", 3, 6},
		{"/200,404,200,302,204", 2, 6},
	} {
		t.Run(test.path, func(t *testing.T) {
			st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Passes = test.path, test.passes })
			st.wasAsked(st.start(), slices.Repeat([]string{test.path}, test.asked)...)
		})
	}
}

func TestHealthChecksAreAnIntervalApart(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Passes, h.Interval = "/up", 3, 200*time.Millisecond })
	began := time.Now()
	st.start()
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("ready after %s, but three checks have two intervals between them", took)
	}
}

func TestHealthCheckExpectsWhatIsWritten(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Expect = "/200,500,302", conf.Expect{"3xx", "401"} })
	st.wasAsked(st.start(), slices.Repeat([]string{"/200,500,302"}, 3)...)
}

// An app that sends visitors to https says nothing about itself to one who does not come by it.
func TestAnAppThatServesOnlyOverTLSIsAskedAsOverTLS(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Warmup = "/to-tls/up", []string{"/to-tls/page"} })
	st.wasAsked(st.start(), "/to-tls/up", "/to-tls/up", "/to-tls/page")

	warmed := newHealthStage(t, func(h *conf.Health) { h.Warmup = []string{"/to-tls/a", "/to-tls/b"} })
	warmed.wasAsked(warmed.start(), "/to-tls/a", "/to-tls/a", "/to-tls/b")

	expected := newHealthStage(t, func(h *conf.Health) { h.Path, h.Expect = "/to-tls/up", conf.Expect{"301"} })
	expected.wasAsked(expected.start(), "/to-tls/up")
}

func TestHealthCheckNamesAHost(t *testing.T) {
	for name, test := range map[string]struct {
		host  string
		hosts []string
		want  string
	}{
		"its own":     {"up.example.org", []string{"blog.example.org"}, "up.example.org"},
		"the app's":   {"", []string{"*.example.org", "blog.example.org"}, "blog.example.org"},
		"none to ask": {"", []string{"*.example.org"}, "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, "serves", func(app *conf.App) {
				app.Hosts = test.hosts
				app.Health.Path, app.Health.Host = "/up", test.host
			})
			st.start()
			if got := st.said("asked for "); got != "GET "+test.want+" /up" {
				t.Errorf("the health check is %q, want host %s", got, test.want)
			}
		})
	}
}

func TestHealthPathThatIsNeverFineFailsAtTheStartTimeout(t *testing.T) {
	for path, want := range map[string]string{
		"/500":             "health check /500 answered 500, not 200 or 3xx",
		"/404":             "health check /404 answered 404, not 200 or 3xx",
		"/200,500,200,500": "health check /200,500,200,500 answered 500, not 200 or 3xx",
		"/breaks":          "health check /breaks had no answer: it closed the connection",
		"/cut":             "health check /cut had no answer: it closed the connection inside the answer",
		"/hangs-after-500": "health check /hangs-after-500 answered 500, not 200 or 3xx",
		"/hangs":           "health check /hangs had no answer",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Passes, h.Expect = path, 2, conf.Expect{"200", "3xx"} })
			st.spawner.app.StartTimeout = time.Second
			failure := st.startFails()
			if want := "not ready within start_timeout (1s): " + want; failure.Reason != want {
				t.Errorf("the reason is %q, want %q", failure.Reason, want)
			}
		})
	}
}

func TestHealthCheckThatPassesTooSeldomSaysSo(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) {
		app.Health.Path, app.Health.Passes = "/up", 2 // a minute apart
		app.StartTimeout = 500 * time.Millisecond
	})
	want := "not ready within start_timeout (500ms): health check /up passed only 1 of 2 times in a row"
	if failure := st.startFails(); failure.Reason != want {
		t.Errorf("the reason is %q, want %q", failure.Reason, want)
	}
}

func TestHealthCheckHasATimeoutOfItsOwn(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) { h.Path, h.Timeout = "/hangs", 50*time.Millisecond })
	st.spawner.app.StartTimeout = time.Second
	failure := st.startFails()
	if want := "not ready within start_timeout (1s): health check /hangs had no answer within 50ms"; failure.Reason != want {
		t.Errorf("the reason is %q, want %q", failure.Reason, want)
	}
	contains(t, failure.LastLines(), "left alone")
}

func TestChildThatExitsWhileItIsCheckedFailsAtOnce(t *testing.T) {
	st := newStage(t, "serves", func(app *conf.App) { app.Health.Path = "/exits" })
	if failure := st.startFails(); failure.Reason != "exited with status 4 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
}

func TestWarmUpFollowsTheHealthCheckInOrder(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) {
		h.Path, h.Warmup = "/503,200", []string{"/b?c=d", "/404", "/302", "/401", "/b?c=d"}
	})
	st.wasAsked(st.start(), "/503,200", "/503,200", "/b?c=d", "/404", "/302", "/401", "/b?c=d")
}

func TestWarmUpNeedsNoHealthPath(t *testing.T) {
	st := newHealthStage(t, func(h *conf.Health) { h.Warmup = []string{"/a"} })
	st.wasAsked(st.start(), "/a")
}

func TestWarmUpThatFailsEndsTheStart(t *testing.T) {
	for path, want := range map[string]string{
		"/500,200": "warm-up request /500,200 answered 500",
		"/503":     "warm-up request /503 answered 503",
		"/breaks":  "warm-up request /breaks had no answer: it closed the connection",
		"/cut":     "warm-up request /cut had no answer: it closed the connection inside the answer",
		"/exits":   "exited with status 4 before it was ready",
		"/hangs":   "not ready within start_timeout (1s): warm-up request /hangs had no answer",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			st := newHealthStage(t, func(h *conf.Health) { h.Warmup = []string{"/first", path, "/never"} })
			if path == "/hangs" {
				st.spawner.app.StartTimeout = time.Second
			}
			if failure := st.startFails(); failure.Reason != want {
				t.Errorf("the reason is %q, want %q", failure.Reason, want)
			}
			if asked := st.asked(); !slices.Contains(asked, "/first") || slices.Contains(asked, "/never") {
				t.Errorf("it was asked for %q", asked)
			}
		})
	}
}
