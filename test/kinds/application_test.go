package kinds

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// An application is one that is served as it is.
type application struct {
	name string
	make func(t *testing.T) harness.App

	path, says string            // what is asked for, and a part of its answer
	breaks     map[string]string // files, and what they say in a release that cannot start
	rate       int               // requests per second in a deployment; 0 = 20
	keys       []string          // of its table in a configuration; none = it is served by its folder
	users      bool              // it runs as the user who owns it; else as root, as the folders of tests are root's alone

	more func(t *testing.T, p *harness.Purser) // what else it has to do
}

// debian are the interpreters of Debian's packages, whatever else this machine has.
const debian = "PATH=/usr/bin:/bin"

// turns: no more than two stories run at a time, as they share the cores; what the others need is got meanwhile.
var turns = make(chan struct{}, 2)

// test tells the story of each of them: it starts and serves, a deployment under load fails no request, and neither
// does one that cannot start, which leaves what served before.
func (a application) test(t *testing.T) {
	t.Parallel()
	app := a.make(t)
	turns <- struct{}{}
	defer func() { <-turns }()
	o := harness.Options{Args: []string{"serve", app.Dir}, Env: []string{debian}, Users: a.users}
	if a.keys != nil {
		o.Args, o.Config = nil, harness.ServerTable()+harness.AppTable(filepath.Base(app.Dir), app.Dir, a.keys...)
	}
	p := harness.Serve(t, o)
	a.mustServe(t, p)
	if a.more != nil {
		a.more(t, p)
	}
	first, began := a.serving(t, p, app)

	a.deploy(t, p, app, 0)
	second, good := a.serving(t, p, app)
	harness.MustBeGone(t, first)

	sound := spoil(t, app, a.breaks)
	a.deploy(t, p, app, 1)
	_, still := a.serving(t, p, app)
	a.mustServe(t, p)

	restore(t, app, a.breaks, sound)
	a.deploy(t, p, app, 0)
	_, mended := a.serving(t, p, app)
	a.mustServe(t, p)
	harness.MustBeGone(t, second)
	if began != 1 || good != 2 || still != good || mended <= good {
		t.Errorf("at first generation %d served, then %d, after a broken release %d, and at the end %d", began, good, still, mended)
	}
}

// deploy restarts under load and expects the exit code of purser restart.
func (a application) deploy(t *testing.T, p *harness.Purser, app harness.App, code int) {
	t.Helper()
	load := harness.Load{Addr: p.Addr, Path: a.path, Rate: cmp.Or(a.rate, 20)}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 5)
	harness.StartCommand(t, p, "restart", filepath.Base(app.Dir)).MustExit(t, code)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+10)
	report := load.End()
	harness.MustNotFail(t, report)
	t.Logf("%s, restart with code %d: %v", a.name, code, report)
}

func (a application) mustServe(t *testing.T, p *harness.Purser) {
	t.Helper()
	answer := get(t, p, a.path)
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Body, a.says) {
		t.Fatalf("%s answered %d %.500q without %q", a.path, answer.StatusCode, answer.Body, a.says)
	}
}

// get asks with the address as the host, which is what a person who tries an application out asks for.
func get(t *testing.T, p *harness.Purser, path string) harness.Answer {
	t.Helper()
	return harness.Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: "+p.Addr+"\r\nConnection: close\r\n\r\n")
}

// serving are the processes that serve; all of them have to be of one generation, which is returned, too.
func (a application) serving(t *testing.T, p *harness.Purser, app harness.App) (pids []int, generation int) {
	t.Helper()
	ready := p.Status(t, filepath.Base(app.Dir)).Ready()
	for _, process := range ready {
		if generation = ready[0].Generation; process.Generation != generation {
			t.Errorf("process %d of generation %d serves, and one of %d", process.PID, process.Generation, generation)
		}
	}
	return harness.SortedPIDs(ready), generation
}

// spoil writes files that no application can start with, and returns what those that were there said.
func spoil(t *testing.T, app harness.App, broken map[string]string) map[string]string {
	t.Helper()
	sound := map[string]string{}
	for name, text := range broken {
		if content, err := os.ReadFile(app.Path(name)); err == nil {
			sound[name] = string(content)
		}
		app.Write(name, text)
	}
	return sound
}

func restore(t *testing.T, app harness.App, broken, sound map[string]string) {
	t.Helper()
	for name := range broken {
		if text, was := sound[name]; was {
			app.Write(name, text)
		} else if err := os.Remove(app.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
}
