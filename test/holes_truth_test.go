package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// puma#563 ("restart" prints success, the server is dead), #2213 (wait until it has booted), #2465, #2527 (how
// do I know?), #1663 (a phased restart that never ends), FrankenPHP#2224 ("restarted successfully"), gunicorn
// and unicorn (HUP with preloaded code does nothing): exit code, status, note and answers agree.
func TestRestartTellsTheTruth(t *testing.T) {
	const boot = 400
	for _, story := range []struct {
		name    string
		deploy  *release // nil = nothing
		keys    []string
		code    int
		version int // that answers in the end
		says    string
	}{
		{name: "new code", deploy: &release{Version: 2, Boot: boot}, code: 0, version: 2},
		{name: "nothing is new", code: 0, version: 1},
		{name: "it does not start", deploy: &release{Version: 2, Boot: boot, Exit: "out of cheese"}, code: 1, version: 1, says: "out of cheese"},
		{name: "it takes too long", deploy: &release{Version: 2, Boot: 20_000}, keys: []string{`start_timeout = "600ms"`}, code: 1, version: 1, says: "start_timeout"},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release{Version: 1})
			p := s.serve(2, append([]string{"concurrency = 1"}, story.keys...)...)
			if story.deploy != nil {
				s.deploy(*story.deploy)
			}
			result := restart(t, p, story.code)
			mustSay(t, result.Stderr, story.says)
			for pid, body := range census(t, p, 2) {
				if wordIn(body, "v") != strconv.Itoa(story.version) || story.code == 0 && generationIn(body) != 2 {
					t.Errorf("after exit code %d process %d answers %q", result.Code, pid, body)
				}
			}
			if story.deploy != nil && result.Took < boot*time.Millisecond {
				t.Errorf("it took %v, less than one boot", result.Took)
			}
			state, condition := "done", "up"
			if story.code == 1 {
				state, condition = "failed", "resisting"
			}
			if d := p.Detail(t, "app"); d.Restart.State != state || d.Condition != condition {
				t.Errorf("status says that the restart is %s and the app %s, not %s and %s", d.Restart.State, d.Condition, state, condition)
			}
			if note := awaitNote(t, s, 2); note.State != state || note.ID != p.Detail(t, "app").Restart.ID {
				t.Errorf("restart.status says %+v", note)
			}
		})
	}
}

// awaitNote waits until tmp/restart.status of the site tells of the restart to a generation.
func awaitNote(t *testing.T, s site, generation int) harness.Course {
	t.Helper()
	var note harness.Course
	harness.Eventually(t, patience, fmt.Sprintf("restart.status tells of generation %d", generation), func() bool {
		text, err := os.ReadFile(filepath.Join(s.current(), "tmp/restart.status"))
		return err == nil && json.Unmarshal(text, &note) == nil && note.Generation == generation
	})
	return note
}

// capistrano/passenger#43 (restart-app finds no process, and says so or not), PM2 (a name that is unknown).
func TestRestartOfWhatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	program := sitePath(t)
	p := harness.Serve(t, harness.Options{Config: serverTable() +
		appTable("app", s.current(), fmt.Sprintf("command = [%q]", program), processes(1)) +
		appTable("idle", s.current(), fmt.Sprintf("command = [%q]", program), "min_processes = 0", `hosts = ["idle.test"]`)})
	if result := p.Run(within(t), "restart", "blog"); result.Code != 2 {
		t.Errorf("the restart of an unknown app exited with %d: %s", result.Code, result.Stderr)
	}
	if result := p.Run(within(t), "restart", "idle"); result.Code != 0 {
		t.Errorf("the restart of an app that rests exited with %d: %s", result.Code, result.Stderr)
	}
	s.deploy(release{Version: 2, Exit: "no such column"})
	if result := p.Run(within(t), "restart", "idle"); result.Code != 1 || !strings.Contains(result.Stderr, "no such column") {
		t.Errorf("the restart of an app that rests to code that does not start exited with %d: %s", result.Code, result.Stderr)
	}
	if code, err := p.Stop(patience); err != nil || code != 0 {
		t.Fatalf("purser exited with %d (%v)", code, err)
	}
	if result := p.Run(within(t), "restart", "app"); result.Code != 5 {
		t.Errorf("the restart by a purser that is gone exited with %d: %s", result.Code, result.Stderr)
	}
}

// puma#2476, #2483, #3484 ("phased" that silently is hot, or is off because of WEB_CONCURRENCY), PM2's reload in
// fork mode, gunicorn's and unicorn's HUP with preload: the strategy that is shown is the one that is used.
func TestStrategyShownIsTheStrategyUsed(t *testing.T) {
	for _, strategy := range []string{"rolling", "blocking", "blue-green"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			meeting := t.TempDir()
			s := newSite(t, release{Version: 1, Exclusive: meeting})
			p := s.serve(3, `env = { WEB_CONCURRENCY = "1" }`, "concurrency = 1")
			mixed := 0 // looks that have found both generations ready
			look := observe(t, p, func(s harness.Status) string {
				count := map[int]int{}
				for _, p := range s.Ready() {
					count[p.Generation]++
				}
				if len(count) > 1 {
					mixed++
				}
				return ""
			})
			wanted := s.deploy(release{Version: 2, Boot: 250, Exclusive: meeting})
			restart(t, p, 0, "--strategy", strategy)
			look.end()
			mustAllBe(t, p, 3, 2, wanted)

			d := p.Detail(t, "app").Restart
			if d.Strategy != strategy {
				t.Errorf("status says that it was %s", d.Strategy)
			}
			met, err := filepath.Glob(meeting + "/met-*")
			if err != nil {
				t.Fatal(err)
			}
			if together := len(met) > 0; together == (strategy == "blocking") {
				t.Errorf("with %s %d processes have met those of another version", strategy, len(met))
			}
			if (mixed > 0) != (strategy == "rolling") {
				t.Errorf("with %s both generations were at work in %d looks", strategy, mixed)
			}
			switched := slices.ContainsFunc(d.Steps, func(s harness.Step) bool { return s.What == "switched" })
			if switched != (strategy == "blue-green") {
				t.Errorf("with %s these are the steps: %+v", strategy, d.Steps)
			}
		})
	}
}

// The same threads: what cannot be done is refused with a reason, or is told to be done otherwise.
func TestStrategyThatIsImpossibleIsRefusedAndAChangeIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	p := s.serve(2)
	for _, args := range [][]string{{"--strategy", "phased"}, {"--strategy", "blocking", "--canary", "1"}, {"--canary", "0"}} {
		if result := restart(t, p, 2, args...); result.Stderr == "" || result.Stdout != "" {
			t.Errorf("%v is refused with %q %q", args, result.Stderr, result.Stdout)
		}
	}
	a := p.AdminRequest(t, http.MethodPost, "/v1/apps/app/restarts", strings.NewReader(`{"strategy":"hot"}`))
	if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Body, "blue-green") {
		t.Errorf("an unknown strategy is answered with %d %s", a.StatusCode, a.Body)
	}
	if g := p.Status(t, "app").Generation; g != 1 {
		t.Errorf("what was refused has led to generation %d", g)
	}

	s.deploy(release{Version: 2, Boot: 500})
	first := order(t, p, "restart", "app", "--strategy", "blocking")
	awaitState(t, p, 2, "spawning")
	s.deploy(release{Version: 3})
	second := restart(t, p, 0, "--strategy", "rolling")
	first.mustExit(t, 3)
	mustSay(t, second.Stdout, "supersedes a blocking restart")
	if used := p.Detail(t, "app").Restart.Strategy; used != "blocking" {
		t.Errorf("the restart that superseded a blocking one is shown as %s", used)
	}
}

// puma#187, #472, #1093, #1420, #1663: code that does not boot was started over and over, as fast as it goes,
// with a full log and a busy processor. uwsgi#1148: and then a reload had to wait for the pause that came of it.
func TestBootFailureLoopIsQuietAndARestartDoesNotWaitForItsPause(t *testing.T) {
	t.Parallel()
	bad, good := newSite(t, release{Version: 1, Exit: "no database"}), newSite(t, release{Version: 1})
	program := fmt.Sprintf("command = [%q]", sitePath(t))
	p := harness.Serve(t, harness.Options{Config: serverTable() +
		appTable("app", bad.current(), program, processes(2), `hosts = ["bad.test"]`) +
		appTable("good", good.current(), program, processes(2))})
	<-time.After(6 * time.Second) // which is what is measured
	tries := len(p.Log.Lines("process failed to start"))
	if tries < 2 || tries > 6 {
		t.Errorf("in 6 s code that does not boot was tried %d times", tries)
	}
	if lines := strings.Count(p.Log.String(), "\n"); lines > 20+10*tries {
		t.Errorf("the log has %d lines by then", lines)
	}
	me, err := harness.ReadProc(p.PID())
	if err != nil || me.CPU > time.Second {
		t.Errorf("purser has used %v of the processor by then (%v)", me.CPU, err)
	}

	status := p.Status(t, "app")
	if status.Condition != "failed" && status.Condition != "starting" || status.RetryAt == nil {
		t.Fatalf("the condition is %s, to be tried again at %v", status.Condition, status.RetryAt)
	}
	// The pause grows: by now it is some seconds. A restart of code that was repaired does not wait for it.
	wanted := bad.deploy(release{Version: 2})
	begin := time.Now()
	restart(t, p, 0)
	for _, step := range p.Status(t, "app").Restart.Steps {
		if step.What == "spawning" && step.At.Sub(begin) > time.Second {
			t.Errorf("the restart has begun to spawn after %v", step.At.Sub(begin))
		}
	}
	for _, process := range p.Status(t, "app").Ready() {
		if process.Release != wanted {
			t.Errorf("process %d is of %s", process.PID, process.Release)
		}
	}
	// And a failure that comes after that begins with the shortest pause again.
	bad.deploy(release{Version: 3, Exit: "no cache"})
	restart(t, p, 1)
	if s := p.Status(t, "app"); s.RetryAt == nil || time.Until(*s.RetryAt) > 3*time.Second {
		t.Errorf("after the first failure it is to be tried again at %v", s.RetryAt)
	}
}

// One app's pause is its own (PM2 and uWSGI's emperor have one for all), and gunicorn's HaltServer and uWSGI's
// need-app, which take everything down, have no counterpart.
func TestBackoffOfOneAppDelaysNoOther(t *testing.T) {
	t.Parallel()
	bad, good := newSite(t, release{Version: 1, Exit: "no database"}), newSite(t, release{Version: 1})
	program := fmt.Sprintf("command = [%q]", sitePath(t))
	p := harness.Serve(t, harness.Options{Config: serverTable("max_spawns = 1") +
		appTable("bad", bad.current(), program, processes(4), `hosts = ["bad.test"]`) +
		appTable("app", good.current(), program, processes(2), "concurrency = 1")})
	harness.Eventually(t, patience, "the bad one pauses", func() bool { return len(p.Log.Lines("process failed to start")) >= 2 })
	awaitReady(t, p, 2)
	for version := 2; version <= 4; version++ {
		wanted := good.deploy(release{Version: version})
		if result := restart(t, p, 0); result.Took > 5*time.Second {
			t.Errorf("the restart of the good app took %v", result.Took)
		}
		for _, process := range p.Status(t, "app").Ready() {
			if process.Release != wanted {
				t.Errorf("process %d is of %s", process.PID, process.Release)
			}
		}
		victim := p.Status(t, "app").Ready()[0].PID
		killed := time.Now()
		kill9(t, victim)
		harness.Eventually(t, patience, "a crash of the good app is repaired", func() bool {
			s := p.Status(t, "app")
			return len(s.Ready()) == 2 && !slices.Contains(s.PIDs(), victim)
		})
		if took := time.Since(killed); took > 5*time.Second {
			t.Errorf("the repair took %v", took)
		}
	}
	if s := p.Status(t, "bad"); len(s.Ready()) != 0 {
		t.Errorf("the bad app is %s", describe(s))
	}
}

// puma#2572 (systemd is told "active" too late, or wrongly), HUP and READY that wait for an app: purser is ready
// when it listens.
func TestReadyIsNotDelayedByAnAppThatDoesNotBoot(t *testing.T) {
	t.Parallel()
	hangs, good := newSite(t, release{Version: 1, Hang: true}), newSite(t, release{Version: 1})
	program := fmt.Sprintf("command = [%q]", sitePath(t))
	address := filepath.Join(harness.EmptyApp(t).Dir, "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: address})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	begin := time.Now()
	p := harness.Start(t, harness.Options{
		Env: []string{"NOTIFY_SOCKET=" + address},
		Config: serverTable("max_spawns = 1") + appTable("aaa", hangs.current(), program, processes(2), `hosts = ["hangs.test"]`, `start_timeout = "60s"`, `stop_timeout = "1s"`) +
			appTable("good", good.current(), program, processes(1)),
	})
	_ = systemd.SetReadDeadline(time.Now().Add(patience))
	told := make([]byte, 1024)
	n, err := systemd.Read(told)
	if err != nil || !strings.HasPrefix(string(told[:n]), "READY=1\n") || time.Since(begin) > 10*time.Second {
		t.Errorf("systemd was told %q after %v (%v)", told[:n], time.Since(begin), err)
	}
	a := request(t, p, "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n") // it waits for the boot of its own app only
	if wordIn(a.Body, "v") != "1" {
		t.Errorf("the good app answers %d %q", a.StatusCode, a.Body)
	}
}

// puma#574, #700, #857, #1861, uwsgi#2001: one at a time takes for ever. With a surge so many boot at once.
func TestSurgeBootsSoManyAtOnceAndNoMore(t *testing.T) {
	t.Parallel()
	const n, surge = 6, 3
	s := newSite(t, release{Version: 1})
	p := s.serve(n, "concurrency = 1", restartTable(fmt.Sprintf("surge = %d", surge)))
	wanted := s.deploy(release{Version: 2, Boot: 600})
	most := 0
	look := observe(t, p, func(s harness.Status) string {
		spawning := len(s.Processes) - len(s.Ready())
		for _, p := range s.Processes {
			if p.State != "spawning" && p.State != "ready" {
				spawning--
			}
		}
		most = max(most, spawning)
		if spawning > surge || len(s.Processes) > n+surge || len(s.Ready()) < n {
			return "more than the surge, or less than there were"
		}
		return ""
	})
	result := restart(t, p, 0)
	look.end()
	mustAllBe(t, p, n, 2, wanted)
	if most != surge {
		t.Errorf("at most %d were booting at once, not %d", most, surge)
	}
	if sum := n * 600 * time.Millisecond; result.Took >= sum {
		t.Errorf("it took %v, as long as one boot after the other (%v)", result.Took, sum)
	}
}
