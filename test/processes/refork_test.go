package processes

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// reforking says with each answer which process has loaded the app, and which has made what the first request makes.
const reforking = `
VERSION = File.read(File.join(__dir__, "VERSION")).strip
LOADER = Process.pid
DOUBLED = -> { ObjectSpace.each_object(IO).select { |io| !io.closed? && io.autoclose? }.map(&:fileno).tally.select { |_, n| n > 1 }.keys }
run ->(env) {
  $warmed ||= Process.pid
  [200, { "content-type" => "text/plain" }, ["v=#{VERSION} pid=#{Process.pid} loader=#{LOADER} warmed=#{$warmed} parent=#{Process.ppid} doubled=#{DOUBLED.call.size}\n"]]
}
`

// servers are those that an app in Ruby has: a bundle without Puma gets purser's own.
var servers = map[string]map[string]string{
	"puma": {},
	"own":  {"config/setup_load_paths.rb": "$LOAD_PATH.unshift File.expand_path('../none', __dir__)\n", "none/puma/cli.rb": "raise LoadError.new('no puma').tap { |e| e.define_singleton_method(:path) { 'puma/cli' } }\n"},
}

func serveReforking(t *testing.T, server string, n int, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	app.Write("config.ru", reforking)
	for file, text := range servers[server] {
		writeBelow(t, app, file, text)
	}
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, append([]string{harness.Processes(n), "preload = true", "preload_refork = 20"}, keys...)...)})
	harness.AwaitReady(t, p, n)
	return p, app
}

func writeBelow(t *testing.T, app harness.App, file, text string) {
	t.Helper()
	if i := strings.LastIndex(file, "/"); i > 0 {
		if err := os.MkdirAll(app.Path(file[:i]), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	app.Write(file, text)
}

// awaitReforked waits until the app's source is one that has served, and all processes were forked from it.
func awaitReforked(t *testing.T, p *harness.Purser, n int) (source harness.Source) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the app was reforked, and all processes come from the new source", func() bool {
		harness.Get(t, p, "/")
		sources := p.Sources(t, "app")
		if len(sources) != 1 || sources[0].Answered == 0 {
			return false
		}
		source = sources[0]
		all := p.Status(t, "app")
		return source.Forked >= n && len(all.Processes) == n && len(all.Ready()) == n
	})
	return source
}

func TestAProcessThatHasServedBecomesTheForkSource(t *testing.T) {
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			p, app := serveReforking(t, server, 3)
			if pumas := p.Log.Lines("Puma starting"); (server == "puma") != (len(pumas) > 0) {
				t.Fatalf("Puma has started %d times", len(pumas))
			}
			first := loader(t, p)
			load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
			source := awaitReforked(t, p, 3)
			harness.MustBeGone(t, []int{first})
			for pid, body := range harness.AskEach(t, p, 3) {
				if harness.WordIn(body, "warmed") != strconv.Itoa(source.PID) || harness.WordIn(body, "loader") != strconv.Itoa(first) {
					t.Errorf("process %d says %q: what the source %d has made is to be in it", pid, body, source.PID)
				}
			}
			mustComeFrom(t, p, 3, first, "v=1")
			harness.MustSay(t, p.Run(t.Context(), "status", "app").Stdout, "Fork source : pid "+strconv.Itoa(source.PID), "reforked after")
			harness.MustReplaceKilled(t, p, 3, p.Status(t, "app").Ready()[0].PID)

			app.Write("VERSION", "2")
			harness.MustRestart(t, p, 0)
			harness.MustNotFail(t, load.End())
			harness.MustBeGone(t, []int{source.PID})
			for pid, body := range harness.AskEach(t, p, 3) {
				if !strings.Contains(body, "v=2 ") || harness.WordIn(body, "loader") == strconv.Itoa(first) {
					t.Errorf("process %d says %q after a restart", pid, body)
				}
			}
		})
	}
}

// What goes wrong while a process becomes the source costs nobody an answer: the old source goes on.
func TestAProcessThatDoesNotBecomeTheForkSourceIsReplaced(t *testing.T) {
	for name, hook := range map[string]string{
		"it dies":  "on_refork { Process.kill(:KILL, Process.pid) }\n",
		"it hangs": "on_refork { Process.kill(:STOP, Process.pid) }\n",
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			app := harness.EmptyApp(t)
			app.Write("VERSION", "1")
			app.Write("config.ru", reforking)
			writeBelow(t, app, "config/puma.rb", hook)
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true", "preload_refork = 20", `stop_timeout = "1s"`)})
			harness.AwaitReady(t, p, 2)
			first := loader(t, p)
			load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
			awaitLine(t, p, "process did not become the fork source")
			harness.AwaitReady(t, p, 2)
			harness.MustNotFail(t, load.End())
			mustComeFrom(t, p, 2, first, "v=1")
			if sources := p.Sources(t, "app"); len(sources) != 1 || sources[0].PID != first {
				t.Errorf("the sources are %+v, and are to be the first, %d", sources, first)
			}
		})
	}
}

// waitsForGo has a process wait when it is to become the source, until it may go on.
const waitsForGo = "on_refork { File.write('becomes', Process.pid.to_s); sleep 0.01 until File.exist?('go') }\n"

func TestARestartInTheMiddleOfARefork(t *testing.T) {
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	app.Write("config.ru", reforking)
	writeBelow(t, app, "config/puma.rb", waitsForGo)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true", "preload_refork = 20")})
	harness.AwaitReady(t, p, 2)
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	awaitLine(t, p, "making process the fork source")
	app.Write("VERSION", "2")
	restart := harness.StartCommand(t, p, "restart", "app")
	harness.AwaitGeneration(t, p, 2)
	app.Write("go", "")
	restart.MustExit(t, 0)
	harness.Eventually(t, harness.Patience, "only the source of the new code is left", func() bool {
		sources := p.Sources(t, "app")
		return len(sources) == 1 && sources[0].Generation == 2
	})
	harness.MustNotFail(t, load.End())
	for pid, body := range harness.AskEach(t, p, 2) {
		if !strings.Contains(body, "v=2 ") {
			t.Errorf("process %d says %q after a restart", pid, body)
		}
	}
}

// The source that has served dies or hangs: the next process comes from one that has loaded the app anew.
func TestAForkSourceThatHasServedAndHangsIsReplaced(t *testing.T) {
	p, _ := serveReforking(t, "puma", 2, `preload_idle = "100ms"`)
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	source := awaitReforked(t, p, 2)
	if err := syscall.Kill(source.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
	harness.MustBeGone(t, []int{source.PID})
	load.End()
}

func TestHooksAndThreadsAtARefork(t *testing.T) {
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	writeBelow(t, app, "config/puma.rb", "on_worker_boot { $booted = Process.pid; ($boots ||= []) << Process.pid }\non_worker_shutdown { $shut = Process.pid }\non_refork { $reforked = Process.pid }\n"+
		"File.write('read', 'x', mode: 'a')\n")
	app.Write("config.ru", "PhusionPassenger.on_event(:stopping_worker_process) { $stopped = Process.pid }\n"+
		"run ->(_) { $late ||= Thread.new { sleep }; [200, {}, [\"booted=#{$booted == Process.pid} boots=#{$boots.size} shut=#{$shut} reforked=#{$reforked} stopped=#{$stopped} late=#{$late.alive?}\"]] }\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), "preload = true", "preload_refork = 20")})
	harness.AwaitReady(t, p, 1)
	source := awaitReforked(t, p, 1)
	want := fmt.Sprintf("booted=true boots=2 shut=%[1]d reforked=%[1]d stopped=%[1]d late=false", source.PID)
	if answer := harness.Get(t, p, "/"); answer.Body != want {
		t.Errorf("it answers %q, want %q", answer.Body, want)
	}
	awaitLine(t, p, "threads are not forked: 1 of the app is not in the processes")
	if read, _ := os.ReadFile(app.Path("read")); string(read) != "x" {
		t.Errorf("config/puma.rb was read %d times", len(read))
	}
}

func TestAfterAFrontWasKilledTheNextOneReforks(t *testing.T) {
	p, _ := serveReforking(t, "puma", 2)
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	source := awaitReforked(t, p, 2)
	harness.Kill(t, p.Front())
	harness.MustBeGone(t, []int{source.PID})
	harness.AwaitReady(t, p, 2)
	load.End()
	again := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	for _, goesOn := range p.Status(t, "app").Ready() { // which this front cannot make a source, and which would have all requests
		harness.MustReplaceKilled(t, p, 2, goesOn.PID)
	}
	next := awaitReforked(t, p, 2)
	harness.MustNotFail(t, again.End())
	if next.PID == source.PID {
		t.Error("the source is the old one")
	}
}

func awaitLine(t *testing.T, p *harness.Purser, part string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "it says: "+part, func() bool { return len(p.Log.Lines(part)) > 0 })
}
