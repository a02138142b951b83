package restarts

import (
	"os"
	"strings"
	"testing"

	"purser/test/harness"
)

const (
	railsCommand    = `command = "bundle exec puma -C config/puma.rb -b unix://{socket}"`
	railsServer     = `command = "bin/rails server -b 127.0.0.1 -p {port}"` // which wants a pid file of its own, too
	railsRoutes     = "Rails.application.routes.draw do\n  root to: 'code#show'\nend\n"
	railsController = `class CodeController < ApplicationController
  VERSION = Rails.root.join('VERSION').read # once, as a process boots

  def show = render(plain: "v=#{VERSION} gen=#{ENV['PURSER_GENERATION']} pid=#{$$}\n")
end
`
)

// newRails is a Rails application as rails new makes it, with its config/puma.rb, that says what code it has
// loaded.
func newRails(t *testing.T) harness.App {
	t.Helper()
	app := harness.RailsApp(t)
	if puma, err := os.ReadFile(app.Path("config/puma.rb")); err != nil || !strings.Contains(string(puma), "\nplugin :tmp_restart\n") {
		t.Fatalf("config/puma.rb of rails new is not what this test is about (%v):\n%s", err, puma)
	}
	app.Write("app/controllers/code_controller.rb", railsController)
	app.Write("config/routes.rb", railsRoutes)
	app.Write("VERSION", "1")
	return app
}

// puma#1117: the plugin tmp_restart of config/puma.rb watches tmp/restart.txt, too, every two seconds. The
// load after each touch goes on for longer than that.
func TestABrokenDeployInPlaceOfARailsAppFailsNoRequest(t *testing.T) {
	for _, r := range []struct {
		name         string
		keys         []string
		file, broken string // a file of the app, and what breaks it
		mended       string
	}{
		{"by command", []string{railsCommand}, "config/routes.rb", "Rails.application.routes.draw do\n  root to: 'code#show\n", railsRoutes},
		{"by rails server", []string{railsServer}, "config/routes.rb", "broken(", railsRoutes},
		{"by itself", nil, "config/initializers/broken.rb", "def of(", ""},
	} {
		t.Run(r.name, func(t *testing.T) { // one after the other, as their boots need both cores
			app := newRails(t)
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, append(r.keys, harness.Processes(2), "max_queue = 0")...)}) // a machine that boots two more may be slower than the visitors
			harness.Eventually(t, harness.ReadyLimit, "both processes are ready", func() bool { return len(p.Status(t, "app").Ready()) == 2 })
			deployRails(t, p, app, "2", func() { app.Write(r.file, r.broken) }, "failed", "v=1 gen=1")
			deployRails(t, p, app, "3", func() { app.Write(r.file, r.mended) }, "done", "v=3 gen=3")
		})
	}
}

// deployRails changes the code in place and touches restart.txt, under 200 requests: none may fail, and what served
// before has to go on with its code until what is wanted takes over, which all processes are in the end.
func deployRails(t *testing.T, p *harness.Purser, app harness.App, version string, change func(), state, want string) {
	t.Helper()
	before := codeOf(harness.Get(t, p, "/").Body)
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 10)
	app.Write("VERSION", version)
	change()
	app.Touch()
	harness.AwaitAnswers(t, load, 200)
	harness.Eventually(t, harness.ReadyLimit, "the restart is "+state, func() bool {
		s := p.Status(t, "app")
		return s.Generation == harness.GenerationIn("gen="+version) && harness.RestartState(s) == state
	})
	report := load.End()
	harness.MustNotFail(t, report)
	for _, s := range report.Samples {
		// The failed generation is tried again, so its own number may come with the code that was mended.
		ofOld := harness.WordIn(s.Body, "gen") == harness.WordIn(before, "gen")
		if code := codeOf(s.Body); code != before && (ofOld || harness.WordIn(code, "v") != harness.WordIn(want, "v")) {
			t.Fatalf("in the deployment of version %s came %q", version, s.Body)
		}
	}
	for range 6 {
		if body := harness.Get(t, p, "/").Body; codeOf(body) != want {
			t.Errorf("after the deployment of version %s came %q, not %q", version, body, want)
		}
	}
	t.Logf("version %s: %v", version, report)
}

// codeOf is what an answer says of the code that a process has loaded, and for which generation.
func codeOf(body string) string {
	code, _, _ := strings.Cut(body, " pid=")
	return code
}
