package processes

import (
	"os"
	"syscall"
	"testing"

	"purser/test/harness"
)

// loadingSource waits for the source of a generation that still loads.
func loadingSource(t *testing.T, p *harness.Purser, generation int) (pid int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "a source loads the app", func() bool {
		for _, source := range p.Sources(t, "app") {
			if source.Generation == generation {
				pid = source.PID
			}
		}
		return pid != 0
	})
	return pid
}

// A signal from outside says nothing of the release: whoever waits for the source gets another.
func TestASourceThatIsKilledWhileItLoadsIsTriedOnceMore(t *testing.T) {
	p, app := servePreloaded(t, "python", 2)
	app.Write("VERSION", "2")
	app.Write("wsgi.py", "import os, time\nopen('"+app.Path("loads")+"', 'a').write('%d\\n' % os.getpid())\nwhile not os.path.exists('"+app.Path("gate")+"'): time.sleep(0.02)\n"+preloading["python"].text)
	restart := harness.StartCommand(t, p, "restart", "app")
	source := loadingSource(t, p, 2)
	if err := syscall.Kill(source, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	app.Write("gate", "")
	restart.MustExit(t, 0)
	if second := loader(t, p); second == source {
		t.Errorf("the processes come from %d, which was killed", second)
	}
	mustComeFrom(t, p, 2, loader(t, p), "v=2")
}

func TestAnAppThatKillsItsSourceFailsTheRestart(t *testing.T) {
	p, app := servePreloaded(t, "python", 2)
	app.Write("wsgi.py", "import os\nopen('"+app.Path("loads")+"', 'a').write('x')\nos.kill(os.getpid(), 9)\n")
	failed := harness.MustRestart(t, p, 1)
	harness.MustSay(t, failed.Stderr, "killed by signal KILL before it was ready")
	if loads, err := os.ReadFile(app.Path("loads")); err != nil || len(loads) < 2 {
		t.Errorf("it was loaded %q times (%v), want twice at least", loads, err)
	}
}
