package processes

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// preloading says with each answer which process has loaded the app. Ruby counts the
// descriptors that two objects have: when one of them is collected, the descriptor of the other is closed.
var preloading = map[string]struct{ file, text string }{
	"ruby": {"config.ru", `
VERSION = File.read(File.join(__dir__, "VERSION")).strip
raise "this release is broken" if VERSION == "broken"
LOADER = Process.pid
sleep 0.3
DOUBLED = -> { ObjectSpace.each_object(IO).select { |io| !io.closed? && io.autoclose? }.map(&:fileno).tally.select { |_, n| n > 1 }.keys }
run ->(env) { [200, { "content-type" => "text/plain" }, ["v=#{VERSION} pid=#{Process.pid} loader=#{LOADER} parent=#{Process.ppid} doubled=#{DOUBLED.call.size}\n"]] }
`},
	"python": {"wsgi.py", `
import os, time
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "VERSION")) as f:
    VERSION = f.read().strip()
if VERSION == "broken":
    raise RuntimeError("this release is broken")
LOADER = os.getpid()
time.sleep(0.3)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("v=%s pid=%d loader=%d parent=%d\n" % (VERSION, os.getpid(), LOADER, os.getppid())).encode()]
`},
}

// servePreloaded serves an app of a kind with n processes, which are forked.
func servePreloaded(t *testing.T, kind string, n int, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	app.Write(preloading[kind].file, preloading[kind].text)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, append([]string{harness.Processes(n), "preload = true"}, keys...)...)})
	harness.AwaitReady(t, p, n)
	return p, app
}

// loader is the process that has loaded what answers.
func loader(t *testing.T, p *harness.Purser) int {
	t.Helper()
	answer := harness.Get(t, p, "/")
	pid, err := strconv.Atoi(strings.TrimSpace(harness.WordIn(answer.Body, "loader")))
	if err != nil {
		t.Fatalf("no word of who has loaded it in %d %q", answer.StatusCode, answer.Body)
	}
	return pid
}

func forKinds(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range []string{"ruby", "python"} {
		t.Run(kind, func(t *testing.T) { test(t, kind) })
	}
}

func TestAPreloadedAppIsLoadedOncePerGeneration(t *testing.T) {
	forKinds(t, func(t *testing.T, kind string) {
		p, app := servePreloaded(t, kind, 3)
		first := loader(t, p)
		mustComeFrom(t, p, 3, first, "v=1")
		load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
		harness.AwaitAnswers(t, load, 20)
		app.Write("VERSION", "2")
		harness.MustRestart(t, p, 0)
		second := loader(t, p)
		if second == first {
			t.Error("a restart forks from the old source")
		}
		mustComeFrom(t, p, 3, second, "v=2")
		harness.MustBeGone(t, []int{first})

		app.Write("VERSION", "broken")
		failed := harness.MustRestart(t, p, 1)
		harness.MustSay(t, failed.Stderr, "this release is broken")
		harness.MustNotFail(t, load.End())
		mustComeFrom(t, p, 3, second, "v=2")
	})
}

// mustComeFrom expects n processes, all of which were forked from a source, and are the keeper's children.
func mustComeFrom(t *testing.T, p *harness.Purser, n, source int, version string) {
	t.Helper()
	answers := harness.AskEach(t, p, n)
	for pid, body := range answers {
		if harness.WordIn(body, "loader") != strconv.Itoa(source) || !strings.Contains(body, version+" ") {
			t.Errorf("process %d says %q: it is to come from %d, and to be %s", pid, body, source, version)
		}
		if doubled := harness.WordIn(body, "doubled"); doubled != "" && doubled != "0" {
			t.Errorf("process %d has %s descriptors twice", pid, doubled)
		}
	}
	for _, process := range p.Status(t, "app").Ready() {
		if m, err := harness.ReadProc(process.PID); err != nil || m.Parent != p.Keeper() || m.Group != process.PID {
			t.Errorf("process %d is %+v (%v): it is to be a child of the keeper %d, and to lead a group", process.PID, m, err, p.Keeper())
		}
	}
}

func TestASourceThatIsKilledOrStoppedInMidRollIsReplaced(t *testing.T) {
	forKinds(t, func(t *testing.T, kind string) {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			t.Run(signal.String(), func(t *testing.T) { mustReplaceSource(t, kind, signal) })
		}
	})
}

func mustReplaceSource(t *testing.T, kind string, signal syscall.Signal) {
	t.Helper()
	p, app := servePreloaded(t, kind, 3)
	first := loader(t, p)
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	harness.AwaitAnswers(t, load, 20)
	app.Write("VERSION", "2")
	harness.MustRestart(t, p, 0, "--canary", "1")
	sources := p.Sources(t, "app")
	if len(sources) != 2 || sources[0].PID != first || sources[1].Generation != 2 {
		t.Fatalf("in mid-roll the sources are %+v, want that of each generation", sources)
	}
	if err := syscall.Kill(sources[1].PID, signal); err != nil {
		t.Fatal(err)
	}
	harness.StartCommand(t, p, "promote", "app").MustExit(t, 0)
	harness.MustNotFail(t, load.End())
	for pid, body := range harness.AskEach(t, p, 3) {
		if !strings.Contains(body, "v=2 ") || harness.WordIn(body, "loader") == strconv.Itoa(first) {
			t.Errorf("process %d says %q", pid, body)
		}
	}
	harness.MustBeGone(t, []int{first, sources[1].PID})
}

// A release that is deployed beside the old one and does not start leaves the source of the old one as it is.
func TestACrashAfterABrokenDeployIsRepairedFromTheOldSource(t *testing.T) {
	app := harness.EmptyApp(t)
	for release, version := range map[string]string{"1": "1", "2": "broken"} {
		if err := os.Mkdir(app.Path(release), 0o755); err != nil {
			t.Fatal(err)
		}
		app.Write(release+"/VERSION", version)
		app.Write(release+"/wsgi.py", preloading["python"].text)
	}
	deploy := func(release string) {
		if err := os.Symlink(release, app.Path("next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(app.Path("next"), app.Path("current")); err != nil {
			t.Fatal(err)
		}
	}
	deploy("1")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Path("current"), harness.Processes(2), "preload = true")})
	harness.AwaitReady(t, p, 2)
	source := loader(t, p)
	deploy("2")
	harness.MustRestart(t, p, 1)
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
	mustComeFrom(t, p, 2, source, "v=1")
}

func TestASourceThatHangsLaterIsReplacedWhenAProcessIsWanted(t *testing.T) {
	p, _ := servePreloaded(t, "ruby", 2)
	first := loader(t, p)
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
	harness.MustBeGone(t, []int{first})
}

func TestAnIdleSourceEndsAndTheNextProcessHasAnother(t *testing.T) {
	p, _ := servePreloaded(t, "python", 2, `preload_idle = "300ms"`)
	first := loader(t, p)
	harness.MustBeGone(t, []int{first})
	if sources := p.Sources(t, "app"); len(sources) > 0 {
		t.Errorf("status shows %+v", sources)
	}
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
}

// What holds for the process that an app is started by holds for what is forked from it.
func TestForkedProcessesHaveLimitsAndAFileOfVariables(t *testing.T) {
	app := harness.EmptyApp(t)
	app.Write("vars.env", "FROM_FILE=said\n")
	if err := os.Chmod(app.Path("vars.env"), 0o600); err != nil {
		t.Fatal(err)
	}
	app.Write("config.ru", `
LOADER = Process.pid
run ->(_) { [200, {}, ["loader=#{LOADER} nice=#{Process.getpriority(Process::PRIO_PROCESS, 0)} files=#{Process.getrlimit(:NOFILE)[0]} said=#{ENV["FROM_FILE"]}"]] }
`)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true", `env_file = "vars.env"`, "nice = 7", "process_limits = { open_files = 700 }")})
	harness.AwaitReady(t, p, 2)
	answer, sources := harness.Get(t, p, "/").Body, p.Sources(t, "app")
	if len(sources) != 1 || answer != fmt.Sprintf("loader=%d nice=7 files=700 said=said", sources[0].PID) {
		t.Errorf("it answers %q, and the sources are %+v", answer, sources)
	}
}

// Apps open their connections where their server tells them to: once before the fork, and in each process after it.
func TestHooksOfServersRunBeforeAndAfterTheFork(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"puma": {
			"config/puma.rb": "before_fork { $before = Process.pid }\non_worker_boot { $booted = Process.pid }\n",
			"config.ru":      "PhusionPassenger.on_event(:starting_worker_process) { |forked| $forked = forked }\nLOADER = Process.pid\nrun ->(_) { [200, {}, [\"hooks #{$before == LOADER} #{$booted == Process.pid} #{$forked}\"]] }\n",
		},
		"gunicorn": {
			"gunicorn.conf.py": "import os\ndef post_fork(server, worker):\n    os.environ['BOOTED'] = str(os.getpid())\n",
			"wsgi.py":          "import os\nat = []\nos.register_at_fork(after_in_child=lambda: at.append(os.getpid()))\nLOADER = os.getpid()\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [('hooks %s %s %s' % (LOADER != os.getpid(), os.environ['BOOTED'] == str(os.getpid()), os.getpid() in at)).lower().encode()]\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := harness.EmptyApp(t)
			if err := os.Mkdir(app.Path("config"), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range files {
				app.Write(file, text)
			}
			if name == "gunicorn" {
				makeVenv(t, app, "--system-site-packages")
			}
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true")})
			harness.AwaitReady(t, p, 2)
			if answer := harness.Get(t, p, "/"); answer.Body != "hooks true true true" {
				t.Errorf("it answers %d %q", answer.StatusCode, answer.Body)
			}
		})
	}
}

func TestForkedProcessesGoOnWhenTheFrontIsKilled(t *testing.T) {
	forKinds(t, func(t *testing.T, kind string) {
		p, _ := servePreloaded(t, kind, 2)
		source, before := loader(t, p), harness.SortedPIDs(p.Status(t, "app").Ready())
		harness.Kill(t, p.Front())
		harness.AwaitReady(t, p, 2)
		if after := harness.SortedPIDs(p.Status(t, "app").Ready()); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("the processes were %v, and are %v", before, after)
		}
		harness.MustReplaceKilled(t, p, 2, before[0])
		if again := loader(t, p); again != source {
			t.Errorf("a process was forked from %d, and before from %d", again, source)
		}
	})
}

func TestForkedProcessesArePromptAndShownInStatus(t *testing.T) {
	p, _ := servePreloaded(t, "ruby", 1)
	source := loader(t, p)
	begin := time.Now()
	harness.MustReplaceKilled(t, p, 1, p.Status(t, "app").Ready()[0].PID)
	t.Logf("a process was replaced in %v", time.Since(begin))
	sources := p.Sources(t, "app")
	if len(sources) != 1 || sources[0].PID != source || sources[0].Generation != 1 || sources[0].Forked != 2 {
		t.Errorf("status shows the sources %+v, want one with pid %d that has forked twice", sources, source)
	}
	harness.MustSay(t, p.Run(t.Context(), "status", "app").Stdout, "Fork source : pid "+strconv.Itoa(source))
}

func TestPreloadIsRefusedWhereItCannotBe(t *testing.T) {
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]string{
		"preload is for Ruby and Python: Node cannot fork":                  `kind = "node"`,
		`preload is for Ruby and Python, and this app is of kind "command"`: `command = "node app.js"`,
	} {
		app := harness.NewApp(t, "node")
		app.Write("purser.toml", strings.ReplaceAll(harness.Config(app.Dir, key, "preload = true"), "$LISTEN", harness.FreeAddr()))
		result := harness.RunBinary(harness.Within(t), bin, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + app.Dir}, "serve", "-c", app.Path("purser.toml"))
		if result.Code == 0 || !strings.Contains(result.Stderr, want) {
			t.Errorf("with %s it exits with %d and says %q", key, result.Code, result.Stderr)
		}
	}
}
