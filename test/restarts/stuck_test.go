package restarts

import (
	"io"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// stubborn is an app that does not hear TERM, and whose VERSION is asked for at boot.
const stubborn = `
process.on('SIGTERM', () => console.log('not now'));
const version = require('fs').readFileSync('VERSION', 'utf8');
const server = require('http').createServer((request, response) => {
  const ms = Number(new URL(request.url, 'http://app').searchParams.get('ms'));
  setTimeout(() => response.end('v=' + version + ' pid=' + process.pid), ms);
});
setTimeout(() => server.listen(process.env.PURSER_SOCKET), version === '1' ? 0 : 500);
`

// serveStubborn serves it in place, with short limits.
func serveStubborn(t *testing.T, start string, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	app.Write("app.cjs", stubborn)
	app.Write("start", start)
	keys = append([]string{`command = ["./start"]`, harness.Processes(2), "concurrency = 1", `start_timeout = "3s"`, `drain_timeout = "4s"`,
		`stop_timeout = "1s"`}, keys...)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, keys...)})
	harness.AwaitReady(t, p, 2)
	return p, app
}

// puma#3596 (a worker is lost for ever), #925, #569, #3677 (a hang in shutdown), passenger#1927, I12, I13:
// a process is killed, or stopped by the kernel so that it co-operates in nothing, in each of its states.
// The restart ends, as many processes serve as before, and nothing is left.
func TestProcessThatIsKilledOrStoppedInAnyStateIsMadeUpFor(t *testing.T) {
	for name, harm := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		for _, state := range []string{"spawning", "ready", "draining", "stopping"} {
			t.Run(name+" while "+state, func(t *testing.T) {
				t.Parallel()
				harmOne(t, harm, state)
			})
		}
	}
}

func harmOne(t *testing.T, harm syscall.Signal, state string) {
	p, app := serveStubborn(t, "#!/bin/sh\nexec node app.cjs\n")
	old := p.Status(t, "app").PIDs()
	app.Write("VERSION", "2")
	victim := 0
	switch state {
	case "spawning":
		p.Order(t, "app", "{}")
		victim = awaitNewcomer(t, p, old)
	case "ready":
		victim = old[0]
	case "draining":
		harness.SlowRequest(t, p, 600_000)
		harness.SlowRequest(t, p, 600_000)
		harness.Eventually(t, harness.Patience, "both are busy", func() bool {
			return !slices.ContainsFunc(p.Status(t, "app").Ready(), func(p harness.Process) bool { return p.Requests == 0 })
		})
		p.Order(t, "app", "{}")
		victim = harness.AwaitState(t, p, 1, "draining")
	case "stopping":
		p.Order(t, "app", "{}")
		victim = harness.AwaitState(t, p, 1, "stopping")
	}
	if err := syscall.Kill(victim, harm); err != nil {
		t.Fatal(err)
	}
	if state == "ready" {
		p.Order(t, "app", "{}")
	}
	harness.Eventually(t, harness.Patience, "two processes with the new code are all there is", func() bool {
		s := p.Status(t, "app")
		return len(s.Ready()) == 2 && len(s.Processes) == 2 && s.Ready()[0].Generation == 2 && s.Ready()[1].Generation == 2 && s.Condition == "up"
	})
	harness.MustBeGone(t, append(old, victim))
	if below := p.Family(); len(below) != 2 {
		t.Errorf("below purser live %+v", below)
	}
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("then came %q", body)
	}
	// One that does not get through its start says that the restart has failed; it is tried again by itself.
	if c := p.Courses(t, "app")[0]; c.State != "done" && (state != "spawning" || c.State != "failed") {
		t.Errorf("the restart is %s", c.State)
	}
}

// awaitNewcomer waits for a process below purser that is none of the known ones.
func awaitNewcomer(t *testing.T, p *harness.Purser, known []int) (pid int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "a process is being started", func() bool {
		for _, found := range p.Family() {
			// Its group is set before the program is run: until then it is a copy of purser itself.
			if !slices.Contains(known, found.PID) && found.Group == found.PID && harness.Exe(found.PID) != harness.Exe(p.PID()) {
				pid = found.PID
			}
		}
		return pid != 0
	})
	return pid
}

// puma#2442 (grandchildren were never TERMed), uWSGI#915 (mules stay on the old code), #3677: the last step of
// a stop is KILL for the whole process group, and needs nobody's help.
func TestProcessThatIgnoresTermIsKilledWithAllItsChildren(t *testing.T) {
	t.Parallel()
	p, app := serveStubborn(t, "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\nsh -c 'sleep 1000; true' &\nexec node app.cjs\n")
	const family = 4 // node, sleep, sh and its sleep
	var old []int
	harness.Eventually(t, harness.Patience, "both families are complete", func() bool {
		old = nil
		for _, process := range p.Family() {
			old = append(old, process.PID)
		}
		return len(old) == 2*family
	})
	app.Write("VERSION", "2")
	result := harness.MustRestart(t, p, 0)
	harness.MustBeGone(t, old)
	harness.Eventually(t, harness.Patience, "only the new families are left", func() bool { return len(p.Family()) == 2*family })
	if result.Took > 12*time.Second {
		t.Errorf("the restart took %v, with a stop_timeout of 1s", result.Took)
	}
	if killed := p.Log.Lines("killing process"); len(killed) != 2 {
		t.Errorf("the log tells of %d processes that were killed, not 2: %v", len(killed), killed)
	}
}

// puma#3313 (a dead worker was never noticed, as the app had detached it), #1908, #1952 (a worker that others
// TERM confused the phases): what counts is that a process is gone, whoever ended it.
func TestDeathOfAServerBehindAWrapperIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	harness.WriteFile(t, site.CurrentOf(t, s), "start", "#!/bin/sh\n"+site.Program(t)+"\nexit 3\n")
	p := site.ServeCommand(t, s, 2, `["./start"]`, "concurrency = 1")
	for _, end := range []string{"the server", "the wrapper"} {
		wrapper := p.Status(t, "app").Ready()[0].PID
		server := harness.Descendants(wrapper)[0].PID
		if end == "the server" {
			harness.Kill(t, server)
		} else {
			harness.Kill(t, wrapper)
		}
		harness.Eventually(t, harness.Patience, end+" that died is made up for", func() bool {
			s := p.Status(t, "app")
			return len(s.Ready()) == 2 && !slices.Contains(s.PIDs(), wrapper)
		})
		harness.MustBeGone(t, []int{wrapper, server})
		if below := p.Family(); len(below) != 4 {
			t.Errorf("after %s died there live two wrappers and two servers, or not: %+v", end, below)
		}
	}
}

func TestProcessesThatOthersTermInMidRollDoNotConfuseIt(t *testing.T) { // puma#1908, #1952
	t.Parallel()
	const n = 4
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, "concurrency = 1")
	wanted := s.Deploy(site.Release{Version: 2, Boot: 300})
	rolling := harness.StartCommand(t, p, "restart", "app")
	fresh := harness.AwaitState(t, p, 2, "ready")
	for _, pid := range []int{fresh, harness.AwaitState(t, p, 1, "ready")} {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	rolling.MustExit(t, 0)
	harness.AwaitReady(t, p, n)
	harness.MustAllBe(t, p, n, 2, wanted)
}

// I14, puma#2442: an app that forks into the background has exited for whoever started it. It is told so, and
// what it left behind is ended.
func TestAppThatForksIntoTheBackgroundIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	harness.WriteFile(t, site.CurrentOf(t, s), "start", "#!/bin/sh\nexec "+site.Program(t)+"\n")
	old := site.CurrentOf(t, s)
	p := site.ServeCommand(t, s, 2, `["./start"]`, "concurrency = 1")
	harness.WriteFile(t, s.Deploy(site.Release{Version: 2}), "start", "#!/bin/sh\n("+site.Program(t)+" &) &\nexit 0\n")
	result := harness.MustRestart(t, p, 1)
	harness.MustSay(t, result.Stderr, "foreground")
	harness.Eventually(t, harness.Patience, "nothing of it is left", func() bool { return len(p.Family()) == 2 })
	harness.MustAllBe(t, p, 2, 1, old)
}

// PM2 Reload.js deletes the old process when the new one times out.
func TestTimeoutOfANewProcessIsNoReasonToEndAnOldOne(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	old := site.CurrentOf(t, s)
	p := s.Serve(3, "concurrency = 1", `start_timeout = "700ms"`)
	before := harness.SortedPIDs(p.Status(t, "app").Ready())
	s.Deploy(site.Release{Version: 2, Hang: true})
	result := harness.MustRestart(t, p, 1)
	harness.MustSay(t, result.Stderr, "start_timeout", "waiting for a lock")
	if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(before, now) {
		t.Errorf("the old processes were %v, and are %v", before, now)
	}
	for pid, body := range harness.AskEach(t, p, 3) {
		if harness.WordIn(body, "cwd") != old {
			t.Errorf("process %d answers %q", pid, body)
		}
	}
}

// puma#569 (ActionController::Live blocks the roll for ever), #3323 (ActionCable is cut): what stays connected
// holds no restart, and is told to come back when its time is over.
func TestWhoStaysConnectedHoldsNoRestartAndIsTold(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, harness.Processes(2), `websocket_drain_timeout = "4s"`, `websocket_close_window = "100ms"`)
	harness.AwaitReady(t, p, 2)
	socket, stream := harness.OpenWebSocket(t, p), harness.Dial(t, p)
	socket.MustEcho("before")
	stream.Send("GET /stream HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	if line, err := stream.In.ReadString('\n'); err != nil {
		t.Fatalf("the stream begins with %q (%v)", line, err)
	}
	app.Write("VERSION", "2")
	harness.MustRestart(t, p, 0)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("after the restart came %q", body)
	}
	socket.MustEcho("after")

	frame := make([]byte, 4)
	if _, err := io.ReadFull(socket.In, frame); err != nil || frame[0] != 0x88 {
		t.Fatalf("the WebSocket ends with %x (%v), not with a Close frame", frame, err)
	}
	if code := int(frame[2])<<8 | int(frame[3]); code != 1012 {
		t.Errorf("the WebSocket is closed with code %d, not 1012 (service restart)", code)
	}
	if _, err := io.Copy(io.Discard, stream.In); err != nil {
		t.Errorf("the event stream does not end: %v", err)
	}
	harness.Eventually(t, harness.Patience, "the old processes are gone", func() bool { return len(p.Status(t, "app").Processes) == 2 })
}

// passenger#1927, puma#925, I12: a request without end holds neither the roll nor the command.
func TestRequestWithoutEndIsCutAtTheDrainLimitAndNoOtherIs(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2, "concurrency = 1", `drain_timeout = "1s"`, `stop_timeout = "1s"`)
	harness.Dial(t, p).Send("GET /slow?ms=3600000 HTTP/1.1\r\nHost: example.org\r\n\r\n")
	busy := awaitBusy(t, p)
	load := harness.Load{Addr: p.Addr, Rate: 40}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 20)
	wanted := s.Deploy(site.Release{Version: 2})
	result := harness.MustRestart(t, p, 0)
	harness.MustNotFail(t, load.End())
	harness.MustBeGone(t, []int{busy})
	harness.MustAllBe(t, p, 2, 2, wanted)
	if result.Took > 10*time.Second {
		t.Errorf("the restart took %v", result.Took)
	}
	if told := p.Log.Lines("pid=" + strconv.Itoa(busy) + " "); len(told) == 0 {
		t.Errorf("the log tells nothing of process %d", busy)
	}
}
