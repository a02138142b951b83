package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/cmd/purser/show"
	"purser/status"
)

// The whole story of purser help getting-started, with the sample app.
func TestTheDemoKeepsItsPromises(t *testing.T) {
	l := newLand(t)
	demo := l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	address := l.address()
	if got := get(t, address); !strings.Contains(got, "version 1 (generation 1") {
		t.Errorf("the app answers %q", got)
	}
	dir := l.app().Root

	l.writeTo(filepath.Join(dir, "version.txt"), "Hello from version 2")
	got := l.purser("restart", "demo", "--reason", "release 2", "--instance", l.name)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "restarted, generation 2 is ready") {
		t.Errorf("restart says %q", got.stdout)
	}
	if got := get(t, address); !strings.Contains(got, "version 2 (generation 2") {
		t.Errorf("after the restart, the app answers %q", got)
	}

	l.writeTo(filepath.Join(dir, "broken"), "")
	l.purser("restart", dir, "--instance", l.name).wants(t, exitFailed, "the restart of demo failed", "the old code serves on", "  | purser: this release is broken")
	if got := get(t, address); !strings.Contains(got, "version 2") {
		t.Errorf("after a broken deployment, the app answers %q", got)
	}
	if got := l.purser("status", "--instance", l.name); !strings.Contains(got.stdout, "Resisting deployment error since") {
		t.Errorf("status does not tell of the resistance:\n%s", got.stdout)
	}

	if err := os.Remove(filepath.Join(dir, "broken")); err != nil {
		t.Fatal(err)
	}
	generation := l.app().Generation
	l.writeTo(filepath.Join(dir, "tmp/restart.txt"), "")
	eventually(t, "restart.txt has been seen and heeded", func() bool {
		app := l.app()
		return app.Generation > generation && app.Condition == "up" && app.Failure == nil
	})
	eventually(t, "a note of the restart is left", func() bool {
		_, err := os.Stat(filepath.Join(dir, "tmp/restart.status"))
		return err == nil
	})

	l.purser("stop", "--instance", l.name).wants(t, exitDone)
	if code := demo.awaitEnd(); code != exitDone {
		t.Errorf("the demo ended with %d", code)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the scratch folder is still there (%v)", err)
	}
	if _, err := os.Stat(l.socket()); !os.IsNotExist(err) {
		t.Errorf("the admin socket is still there (%v)", err)
	}
}

func TestRestartTellsItsEventsAsJSON(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	got := l.purser("restart", "--all", "--json", "--instance", l.name)
	got.wants(t, exitDone)
	var events []show.Event
	for line := range strings.Lines(got.stdout) {
		var e show.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q is no event: %v", line, err)
		}
		events = append(events, e)
	}
	if first, last := events[0], events[len(events)-1]; first.Event != "accepted" || last.Event != "ended" || last.State != "done" || last.Replaced != 3 {
		t.Errorf("the events are %s", got.stdout)
	}
}

func TestARestartThatTakesTooLongGoesOn(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	l.purser("restart", "demo", "--timeout", "1ms", "--instance", l.name).wants(t, exitTimeout, "see purser status demo")
	l.purser("restart", "demo", "--no-wait", "--instance", l.name).wants(t, exitDone)
	l.purser("restart", "dmo", "--instance", l.name).wants(t, exitUsage, `did you mean "demo"?`)
	l.purser("restart", "/usr", "--instance", l.name).wants(t, exitUsage, "no app has the folder /usr")
}

func TestAMissingFolderFailsTheRestartAndNothingElse(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	address := l.address()
	dir := l.app().Root
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	l.purser("restart", "demo", "--instance", l.name).wants(t, exitFailed, "the old code serves on")
	if got := get(t, address); !strings.Contains(got, "version 1") {
		t.Errorf("the app answers %q", got)
	}
}

func TestTwoPursersOfOneNameAreRefused(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.purser("demo", "--listen", "127.0.0.1:0", "--instance", l.name).wants(t, exitUsage, "already running", "--instance")
	l.awaitProcesses(3) // the first has not lost anything by it
}

func TestTheAdminAPIOnTCPNeedsTheToken(t *testing.T) {
	l := newLand(t)
	app := l.write("app/version.txt", "one")
	admin := freePort(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := l.command("serve", filepath.Dir(app), "--listen", "127.0.0.1:0", "--admin", admin, "--instance", l.name,
		"--command", fmt.Sprintf("%s demo-app {socket}", binary), "--user", strconv.Itoa(os.Geteuid()))
	cmd.Env = append(cmd.Env, tokenVariable+"=open sesame")
	l.launch(cmd)
	query := func(token string) ending {
		cmd := l.command("status", "--admin", admin)
		cmd.Env = append(cmd.Env, tokenVariable+"="+token)
		return l.end(cmd)
	}
	eventually(t, "the admin API answers", func() bool { return query("open sesame").code == exitDone })
	query("sesame").wants(t, exitUsage, "the token is missing or wrong")
}

func TestSIGUSR1RestartsAllApps(t *testing.T) {
	l := newLand(t)
	demo := l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	demo.cmd.Process.Signal(syscall.SIGUSR1)
	eventually(t, "generation 2 is up", func() bool {
		app := l.app()
		return app.Generation == 2 && app.Restart != nil && app.Restart.State == "done"
	})
	demo.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the log says what SIGHUP does", func() bool { return strings.Contains(demo.log.String(), "configuration read again") })
	demo.cmd.Process.Signal(syscall.SIGTERM)
	if code := demo.awaitEnd(); code != exitDone {
		t.Errorf("after SIGTERM the exit code is %d", code)
	}
}

func (l *land) writeTo(path, content string) {
	l.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// app is the only app of the purser that start started.
func (l *land) app() status.App {
	l.t.Helper()
	return l.document().Apps[0]
}

// address is where it serves.
func (l *land) address() string {
	l.t.Helper()
	return l.document().Listen[0]
}

func (l *land) document() status.Document {
	l.t.Helper()
	client := status.NewClient(l.socket(), "")
	defer client.Close()
	d, err := client.Status(l.t.Context())
	if err != nil || len(d.Apps) != 1 {
		l.t.Fatalf("cannot get the status of one app: %+v, %v", d.Apps, err)
	}
	return d
}

func (l *land) awaitProcesses(n int) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%d processes are ready", n), func() bool {
		ready := 0
		for _, p := range l.app().Processes {
			if p.State == "ready" {
				ready++
			}
		}
		return ready == n
	})
}

// get fetches the page of the app.
func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the app answered %d %q (%v)", response.StatusCode, body, err)
	}
	return string(body)
}
