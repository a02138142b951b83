package status

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"purser/pool"
)

func TestAppsAreMaintainedPausedAndResumed(t *testing.T) {
	r := newRig(t)
	for _, err := range []error{r.client.MaintainApp(t.Context(), "blog", true), r.client.MaintainApp(t.Context(), "blog", false),
		r.client.PauseApp(t.Context(), "blog"), r.client.ResumeApp(t.Context(), "blog")} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(r.operated.asked, ", "); got != "maintenance blog true, maintenance blog false, pause blog, resume blog" {
		t.Errorf("what was asked is: %s", got)
	}
	err := r.client.call(t.Context(), http.MethodPost, pathOf("blog", "/maintenance"), map[string]string{}, nil)
	if refused, ok := errors.AsType[*Error](err); !ok || refused.Status != http.StatusBadRequest || !strings.Contains(refused.Message, "on must be true or false") {
		t.Errorf("maintenance that is neither on nor off is refused with %v", err)
	}
	r.operated.wrong = pool.ErrStopped
	if refused, ok := errors.AsType[*Error](r.client.PauseApp(t.Context(), "blog")); !ok || refused.Code != CodeStopped {
		t.Errorf("a pause of an app that is stopped is refused with %v", err)
	}
}

func TestWhatKeepsVisitorsFromAnAppIsShown(t *testing.T) {
	app := func(change func(*App)) App {
		a := App{GroupSnapshot: pool.GroupSnapshot{Name: "blog", Condition: pool.Up, Queue: 2}}
		change(&a)
		return a
	}
	for _, c := range []struct {
		app   App
		shown string
		says  string
	}{
		{app(func(*App) {}), "up", ""},
		{app(func(a *App) { a.Paused = true }), "paused", "paused, 2 requests wait; to go on: purser resume blog"},
		{app(func(a *App) { a.Maintenance = ByCommand }), "maintenance", "in maintenance; to serve: purser maintenance blog off"},
		{app(func(a *App) { a.Maintenance, a.Paused = ByFile, true }), "maintenance", "in maintenance, as its file is there; remove it to serve"},
		{app(func(a *App) { a.Paused, a.Condition = true, pool.Restarting }), "restarting", "paused, 2 requests wait; to go on: purser resume blog"},
	} {
		d := Document{Apps: []App{c.app}}
		if got := Lines(d)[0].shown; got != c.shown {
			t.Errorf("ls shows %s, want %s", got, c.shown)
		}
		_, rows := List(d)
		if !strings.HasSuffix(rows[0].Text, c.says) {
			t.Errorf("the list shows %q, want %q", rows[0].Text, c.says)
		}
		if heads := strings.Join(Head(c.app, d.Now, 5, false), "\n"); c.says != "" && !strings.Contains(heads, "Visitors: "+c.says) {
			t.Errorf("status shows %s", heads)
		}
	}
}

func TestAnAppThatIsKeptFromItsVisitorsIsHealthy(t *testing.T) {
	for _, condition := range []pool.Condition{pool.Up, pool.Failed, pool.Starting} {
		for _, a := range []App{{Maintenance: ByFile}, {GroupSnapshot: pool.GroupSnapshot{Paused: true}}} {
			a.Condition = condition
			if !Healthy(a, true) || !Healthy(a, false) {
				t.Errorf("it is not, though it is %s, maintenance %q, paused %v", condition, a.Maintenance, a.Paused)
			}
		}
	}
}
