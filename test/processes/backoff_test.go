package processes

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#187, #472, #1093, #1420, #1663: code that does not boot was started over and over, as fast as it goes,
// with a full log and a busy processor. uwsgi#1148: and then a reload had to wait for the pause that came of it.
func TestBootFailureLoopIsQuietAndARestartDoesNotWaitForItsPause(t *testing.T) {
	t.Parallel()
	bad, good := site.New(t, site.Release{Version: 1, Exit: "no database"}), site.New(t, site.Release{Version: 1})
	program := fmt.Sprintf("command = [%q]", site.Program(t))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("app", bad.Current(), program, harness.Processes(2), `hosts = ["bad.test"]`) +
		harness.AppTable("good", good.Current(), program, harness.Processes(2))})
	<-time.After(6 * time.Second) // which is what is measured
	tries := len(p.Log.Lines("process failed to start"))
	if tries > 6 {
		t.Errorf("in 6 s code that does not boot was tried %d times", tries)
	}
	harness.Eventually(t, harness.Patience, "it is tried again", func() bool { return len(p.Log.Lines("process failed to start")) >= 2 })
	if lines := strings.Count(p.Log.String(), "\n"); lines > 20+10*tries {
		t.Errorf("the log has %d lines by then", lines)
	}
	me, err := harness.ReadProc(p.Front())
	if err != nil || me.CPU > time.Second {
		t.Errorf("purser has used %v of the processor by then (%v)", me.CPU, err)
	}

	harness.Eventually(t, harness.Patience, "it pauses", func() bool {
		status := p.Status(t, "app")
		return (status.Condition == "failed" || status.Condition == "starting") && status.RetryAt != nil
	})
	// The pause grows: by now it is some seconds. A restart of code that was repaired does not wait for it.
	wanted := bad.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0)
	steps := p.Status(t, "app").Restart.Steps
	for _, step := range steps {
		if step.What == "spawning" && step.At.Sub(steps[0].At) > time.Second {
			t.Errorf("the restart has begun to spawn after %v", step.At.Sub(steps[0].At))
		}
	}
	for _, process := range p.Status(t, "app").Ready() {
		if process.Release != wanted {
			t.Errorf("process %d is of %s", process.PID, process.Release)
		}
	}
	// And a failure that comes after that begins with the shortest pause again.
	bad.Deploy(site.Release{Version: 3, Exit: "no cache"})
	harness.MustRestart(t, p, 1)
	var again *time.Time
	harness.Eventually(t, harness.Patience, "it is to be tried again", func() bool { again = p.Status(t, "app").RetryAt; return again != nil })
	if time.Until(*again) > 3*time.Second {
		t.Errorf("after the first failure it is to be tried again at %v", again)
	}
}

// One app's pause is its own (PM2 and uWSGI's emperor have one for all), and gunicorn's HaltServer and uWSGI's
// need-app, which take everything down, have no counterpart.
func TestBackoffOfOneAppDelaysNoOther(t *testing.T) {
	t.Parallel()
	bad, good := site.New(t, site.Release{Version: 1, Exit: "no database"}), site.New(t, site.Release{Version: 1})
	program := fmt.Sprintf("command = [%q]", site.Program(t))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable("max_spawns = 1") +
		harness.AppTable("bad", bad.Current(), program, harness.Processes(4), `hosts = ["bad.test"]`) +
		harness.AppTable("app", good.Current(), program, harness.Processes(2), "concurrency = 1")})
	harness.Eventually(t, harness.Patience, "the bad one pauses", func() bool { return len(p.Log.Lines("process failed to start")) >= 2 })
	harness.AwaitReady(t, p, 2)
	for version := 2; version <= 4; version++ {
		wanted := good.Deploy(site.Release{Version: version})
		if result := harness.MustRestart(t, p, 0); result.Took > 5*time.Second {
			t.Errorf("the restart of the good app took %v", result.Took)
		}
		for _, process := range p.Status(t, "app").Ready() {
			if process.Release != wanted {
				t.Errorf("process %d is of %s", process.PID, process.Release)
			}
		}
		victim := p.Status(t, "app").Ready()[0].PID
		killed := time.Now()
		harness.Kill(t, victim)
		harness.Eventually(t, harness.Patience, "a crash of the good app is repaired", func() bool {
			s := p.Status(t, "app")
			return len(s.Ready()) == 2 && !slices.Contains(s.PIDs(), victim)
		})
		if took := time.Since(killed); took > 5*time.Second {
			t.Errorf("the repair took %v", took)
		}
	}
	if s := p.Status(t, "bad"); len(s.Ready()) != 0 {
		t.Errorf("the bad app is %s", harness.Describe(s))
	}
}

// puma#2572 (systemd is told "active" too late, or wrongly), HUP and READY that wait for an app: purser is ready
// when it listens.
func TestReadyIsNotDelayedByAnAppThatDoesNotBoot(t *testing.T) {
	t.Parallel()
	hangs, good := site.New(t, site.Release{Version: 1, Hang: true}), site.New(t, site.Release{Version: 1})
	program := fmt.Sprintf("command = [%q]", site.Program(t))
	address := filepath.Join(harness.EmptyApp(t).Dir, "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: address})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	begin := time.Now()
	p := harness.Start(t, harness.Options{
		Env: []string{"NOTIFY_SOCKET=" + address},
		Config: harness.ServerTable("max_spawns = 1") + harness.AppTable("aaa", hangs.Current(), program, harness.Processes(1), `hosts = ["hangs.test"]`, `start_timeout = "60s"`, `stop_timeout = "1s"`) +
			harness.AppTable("good", good.Current(), program, harness.Processes(1)),
	})
	_ = systemd.SetReadDeadline(time.Now().Add(harness.Patience))
	told := make([]byte, 1024)
	n, err := systemd.Read(told)
	if err != nil || !strings.HasPrefix(string(told[:n]), "READY=1\n") || time.Since(begin) > 10*time.Second {
		t.Errorf("systemd was told %q after %v (%v)", told[:n], time.Since(begin), err)
	}
	a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n") // the one that hangs has given up its turn to boot by then
	if harness.WordIn(a.Body, "v") != "1" {
		t.Errorf("the good app answers %d %q", a.StatusCode, a.Body)
	}
	victim := p.Status(t, "good").Ready()[0].PID
	harness.Kill(t, victim)
	harness.Eventually(t, harness.Patience, "a crash is repaired beside an app that hangs in its boot", func() bool {
		s := p.Status(t, "good")
		return len(s.Ready()) == 1 && s.Ready()[0].PID != victim
	})
}
