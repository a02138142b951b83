package restarts

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

const pumaCommand = `command = "puma -q -C config/puma.rb -b unix://{socket}"`

// rackApp is what version of the app, or "broken".
func rackApp(version string) string {
	if version == "broken" {
		return "raise 'this release is broken'\n"
	}
	return fmt.Sprintf("run(lambda { |env| [200, {'content-type' => 'text/plain'}, [\"v=%s pid=#{$$}\\n\"]] })\n", version)
}

// newPuma is an app with the config/puma.rb of rails new: its Puma looks at tmp/restart.txt, too.
func newPuma(t *testing.T) harness.App {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("config.ru", rackApp("1"))
	if err := os.Mkdir(app.Path("config"), 0o755); err != nil {
		t.Fatal(err)
	}
	app.Write("config/puma.rb", "threads 1, 1\nplugin :tmp_restart\n")
	return app
}

func servePuma(t *testing.T, n int, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := newPuma(t)
	keys = append([]string{pumaCommand, harness.Processes(n), "max_queue = 0"}, keys...)
	return harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, keys...)}), app
}

// Puma would look every two seconds. The load goes on for longer than that.
func TestABrokenDeployInPlaceFailsNoRequestThoughPumaWatchesTheFile(t *testing.T) {
	t.Parallel()
	p, app := servePuma(t, 2)
	for _, deploy := range []struct{ version, state, serves string }{{"broken", "failed", "1"}, {"2", "done", "2"}} {
		app.Write("config.ru", rackApp(deploy.version))
		app.Touch()
		load := harness.Load{Addr: p.Addr, Rate: 40}.Begin()
		harness.AwaitAnswers(t, load, 200)
		harness.Eventually(t, harness.Patience, "the restart is "+deploy.state, func() bool { return harness.RestartState(p.Status(t, "app")) == deploy.state })
		report := load.End()
		harness.MustNotFail(t, report)
		for range 4 {
			if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != deploy.serves {
				t.Errorf("after version %s came %q", deploy.version, body)
			}
		}
	}
	if generation := p.Status(t, "app").Generation; generation != 3 {
		t.Errorf("two touches have led to generation %d", generation)
	}
}

func TestARestartFileThatPumaMakesIsNoOrder(t *testing.T) {
	t.Parallel()
	// Puma sees the touch too, and takes no notice of a TERM that comes while it starts itself anew for that.
	p, app := servePuma(t, 1, "reload_guard = false", `stop_timeout = "1s"`)
	harness.Eventually(t, harness.Patience, "the file is seen", func() bool { return len(p.Log.Lines("so nothing is restarted")) == 1 })
	if s := p.Status(t, "app"); s.Generation != 1 || s.Restart != nil {
		t.Errorf("it has led to generation %d", s.Generation)
	}
	app.Write("config.ru", rackApp("2"))
	app.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("after a touch came %q", body)
	}
}

func TestAProcessThatStartsItselfAnewIsReplaced(t *testing.T) {
	t.Parallel()
	p, app := servePuma(t, 1)
	harness.Eventually(t, harness.Patience, "Puma handles signals", func() bool { return len(p.Log.Lines("Use Ctrl-C to stop")) == 1 })
	old := p.Status(t, "app").PIDs()[0]
	app.Write("config.ru", rackApp("2"))
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil { // Puma executes itself
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "another process serves", func() bool {
		ready := p.Status(t, "app").Ready()
		return len(ready) == 1 && ready[0].PID != old
	})
	if told := p.Log.Lines("it has replaced its own program"); len(told) == 0 {
		t.Errorf("the log does not say why:\n%s", strings.Join(p.Log.Lines("process"), "\n"))
	}
}
