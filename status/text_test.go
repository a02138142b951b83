package status

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"purser/pool"
	"purser/restart"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTextOfAQuietPool(t *testing.T) {
	golden(t, "quiet.txt", document(), false)
}

func TestTextWithAFilledSpool(t *testing.T) {
	for held, want := range map[int64]string{0: "", 5: "Spool         : 1M of 1024M\n", 300 << 20: "Spool         : 300M of 1024M\n"} {
		d := document()
		d.Spool = Spool{Held: held, Limit: 1 << 30}
		var out strings.Builder
		if err := WriteText(&out, d, false); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, want) || want == "" && strings.Contains(text, "Spool") {
			t.Errorf("%d bytes are held, and the text says\n%s", held, text)
		}
	}
}

func TestTextWithMuchInMemory(t *testing.T) {
	for held, want := range map[int64]string{1000: "", 300 << 20: "Buffer memory : 300M of 1024M\n"} {
		d := document()
		d.BufferMemory = BufferMemory{Held: held, Limit: 1 << 30}
		var out strings.Builder
		if err := WriteText(&out, d, false); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, want) || want == "" && strings.Contains(text, "Buffer") {
			t.Errorf("%d bytes are held, and the text says\n%s", held, text)
		}
	}
}

func TestTextOfAnAppThatHangs(t *testing.T) {
	d := document()
	blog := &d.Apps[0]
	blog.Condition = pool.Hung
	blog.Hung = &pool.HungSnapshot{Since: noon.Add(-6 * time.Minute), Requests: 3, BacktraceSignal: "QUIT", Processes: []pool.HungProcess{
		{PID: 18652, Requests: 1, Since: noon.Add(-7 * time.Minute)},
		{PID: 1018653, Requests: 2, Since: noon.Add(-6 * time.Minute)},
	}}
	golden(t, "hung.txt", d, false)

	blog.Hung.BacktraceSignal = ""
	var out strings.Builder
	if err := WriteText(&out, d, false); err != nil {
		t.Fatal(err)
	}
	if want := "To see where they hang: set backtrace_signal"; !strings.Contains(out.String(), want) {
		t.Errorf("without a signal the text says\n%s", out.String())
	}
}

func TestTextOfAnAppThatHangsWhileNewerCodeIsNotInUse(t *testing.T) {
	d := resisting()
	blog := &d.Apps[0]
	blog.Condition, blog.Queue, blog.RetryAt = pool.Hung, 0, nil
	blog.Hung = &pool.HungSnapshot{Since: noon.Add(-6 * time.Minute)}
	text := func() string {
		var out strings.Builder
		if err := WriteText(&out, d, false); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, want := range []string{"Not in use since 2026-11-21 11:59:00 +0000 (generation 8, error e5a1): the child", "  Serving : /var/www/blog/releases/41 "} {
		if !strings.Contains(text(), want) {
			t.Errorf("%q is not in\n%s", want, text())
		}
	}
	blog.Processes[0].Generation = 8
	if want := "Spawning failed since"; !strings.Contains(text(), want) {
		t.Errorf("if it is the code that serves which cannot be started, %q is not in\n%s", want, text())
	}
}

func TestTextDuringARollingRestart(t *testing.T) {
	d := document()
	blog := &d.Apps[0]
	blog.Condition, blog.Generation = pool.Restarting, 8
	blog.Restart = &pool.RestartSnapshot{
		ID: "r-8", State: pool.RestartRunning, Generation: 8, Replaced: 2, Total: 4,
		Started: noon.Add(-3 * time.Second), Reason: "restart.txt",
	}
	blog.Processes[0].State, blog.Processes[0].Connections = "draining", 2
	blog.Processes = append(blog.Processes, Process{ProcessSnapshot: pool.ProcessSnapshot{State: "spawning", Generation: 8}})
	golden(t, "restarting.txt", d, false)
}

func TestTextOfACanaryThatWaits(t *testing.T) {
	d := document()
	blog := &d.Apps[0]
	blog.Condition, blog.Generation = pool.Restarting, 8
	blog.Restart = &pool.RestartSnapshot{
		ID: "r-8", State: pool.RestartCanary, Strategy: pool.Rolling, Generation: 8, Canary: 1, Replaced: 1, Total: 2, Started: noon.Add(-time.Hour),
		Steps: []pool.Step{{What: "requested"}, {What: "memory", Note: "100 MiB free, 300 MiB per process: there is room for 0 extra processes, not for 1; surge 0, unavailable 1"}},
	}
	blog.Processes[1].Generation = 8
	old := blog.Processes[0]
	old.PID, old.State, old.Requests = 18600, "standby", 0
	blog.Processes = append(blog.Processes, old)
	golden(t, "canary.txt", d, false)
}

func TestTextOfAProbationAfterABlueGreenRestart(t *testing.T) {
	d := document()
	until := noon.Add(45 * time.Second)
	blog := &d.Apps[0]
	blog.Overwritten = true
	blog.Restart = &pool.RestartSnapshot{
		ID: "r-7", State: pool.RestartRunning, Strategy: pool.BlueGreen, Generation: 7, Replaced: 2, Total: 2,
		Started: noon.Add(-time.Minute), Probation: &until,
	}
	golden(t, "probation.txt", d, false)
}

func TestTextOfARollback(t *testing.T) {
	d := resisting()
	blog := &d.Apps[0]
	blog.Restart = &pool.RestartSnapshot{
		ID: "r-9", State: pool.RestartRunning, Strategy: "rollback", Generation: 7, Replaced: 1, Total: 2,
		Started: noon.Add(-2 * time.Second), Reason: "checkout is broken",
	}
	blog.Processes[0].Generation = 8
	golden(t, "rollback.txt", d, false)
}

func TestTextOfARestartThatWasRefused(t *testing.T) {
	d := document()
	d.Apps[0].Restart = &pool.RestartSnapshot{
		ID: "r-8", State: pool.RestartFailed, Strategy: pool.Rolling, Generation: 8,
		Failure: &pool.Failure{At: noon.Add(-90 * time.Second), ErrorID: "beef", Reason: "before_restart exited with status 3", Output: []string{"migration \x1b[1mpending"}},
	}
	golden(t, "refused.txt", d, false)
}

func TestTextOfAnAppThatNeedsARestart(t *testing.T) {
	d := document()
	blog := &d.Apps[0]
	blog.NeedsRestart = []restart.Need{
		{Kind: restart.Marked, Reason: "openssl was upgraded", Since: noon.Add(-5 * time.Minute), PIDs: []int{18652, 1018653}},
		{Kind: restart.Changed, Reason: "app/models/user.rb changed", File: "app/models/user.rb", Since: noon.Add(-3 * time.Minute), PIDs: []int{18652}},
	}
	for range 5 {
		blog.NeedsRestart = append(blog.NeedsRestart, restart.Need{Kind: restart.Marked, Reason: "and \x1b[2Jagain", Since: noon})
	}
	golden(t, "needs.txt", d, false)
}

func TestTextOfADeploymentThatIsResisted(t *testing.T) {
	golden(t, "resisting.txt", resisting(), false)
}

func TestAFailureThatIsTriedAgainIsToldOnce(t *testing.T) {
	d := resisting()
	blog := &d.Apps[0]
	first := *blog.Failure
	first.ErrorID = "0123beef"
	blog.Restart = &pool.RestartSnapshot{State: pool.RestartFailed, Generation: first.Generation, Failure: &first}
	golden(t, "resisting.txt", d, false)
}

func TestTextInColour(t *testing.T) {
	golden(t, "colour.txt", resisting(), true)
}

func TestTextWithoutApps(t *testing.T) {
	d := document()
	d.Apps = nil
	golden(t, "empty.txt", d, false)
}

func TestAnExcerptHasTheBeginningAndTheEnd(t *testing.T) {
	var lines []string
	for n := range 20 {
		lines = append(lines, strconv.Itoa(n))
	}
	for most, want := range map[int]string{
		0: "… 20 more lines", 3: "0 … 17 more lines 18 19", 19: strings.Join(lines, " "), 50: strings.Join(lines, " "),
	} {
		if got := strings.Join(Excerpt(lines, most), " "); got != want {
			t.Errorf("of %d lines it has %q, want %q", most, got, want)
		}
	}
}

func TestAListBeginsWithWhatSomebodyHasToLookAt(t *testing.T) {
	d := resisting()
	calm, failed, restarting, hung := document().Apps[0], resisting().Apps[0], document().Apps[0], resisting().Apps[0]
	calm.Name = "a"
	failed.Name, failed.Condition, failed.Failure.Reason = "z", pool.Failed, "exited with \x1bstatus 1"
	restarting.Name, restarting.Condition = "shop", pool.Restarting
	restarting.Restart = &pool.RestartSnapshot{State: pool.RestartRunning, Replaced: 1, Total: 4, Started: noon.Add(-3 * time.Second)}
	hung.Name, hung.Condition, hung.Hung = "hang", pool.Hung, &pool.HungSnapshot{Since: noon.Add(-6 * time.Minute)}
	d.Apps = []App{calm, restarting, d.Apps[0], hung, failed}
	d.OldFronts = []OldFront{{PID: 4711, Version: "0.9.0", Since: noon.Add(-7 * time.Second), Requests: 1, Connections: 12}}
	var got bytes.Buffer
	if err := WriteList(&got, d, false); err != nil {
		t.Fatal(err)
	}
	want := `Purser 1.0.0, instance blog (pid 4242, up 1d 2h 0m 0s)
5 apps: 1 failed, 1 hung, 1 resisting, 1 restarting, 1 up

App   Condition   Ready     Queue  Memory  Note
blog  resisting   2 of 6        3   1409M  the child exited with status 1
hang  hung        2 of 6        3   1409M  no process has answered for 6m 0s
z     failed      2 of 6        3   1409M  exited with �status 1
shop  restarting  2 of 6        0   1409M  restarting: 1 of 4 replaced, since 3s
a     up          2 of 6        0   1409M

Old front: pid 4711 (version 0.9.0), since 7s ago, has 1 request and 12 long-lived connections left
purser status APP shows one of them; purser status --full shows all
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSpansAreWrittenAsPassengerDoes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                   "0s",
		3900 * time.Millisecond:        "3s",
		7*time.Minute + 14*time.Second: "7m 14s",
		time.Hour:                      "1h 0m 0s",
		5*time.Hour + 53*time.Minute + 26*time.Second:              "5h 53m 26s",
		48*time.Hour + 3*time.Hour + 1*time.Minute + 4*time.Second: "2d 3h 1m 4s",
	} {
		if got := passengerSpan(d); got != want {
			t.Errorf("passengerSpan(%v) = %q, want %q", d, got, want)
		}
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// document is a pool with one app of two processes, one of them far busier than Passenger's columns allow.
func document() Document {
	code := pool.Release{Path: "/var/www/blog/releases/41", Revision: "9f2c1e7"}
	return Document{
		Version: "1.0.0", Name: "blog", PID: 4242, Started: noon.Add(-26 * time.Hour), Now: noon,
		Listen: []string{"http://[::]:3000", "unix:/run/blog.sock"}, MaxProcesses: 4,
		Apps: []App{{
			GroupSnapshot: pool.GroupSnapshot{
				Name: "blog", Root: "/var/www/blog/current", Environment: "production", Condition: pool.Up,
				Generation: 7, Release: code, MinProcesses: 2, MaxProcesses: 6,
			},
			Processes: []Process{
				{ProcessSnapshot: pool.ProcessSnapshot{
					PID: 18652, State: "ready", Generation: 7, Requests: 1, Processed: 568,
					Started: noon.Add(-437 * time.Second), LastUsed: noon.Add(-434 * time.Second),
				}, CPU: 0.4, Memory: 9 << 20},
				{ProcessSnapshot: pool.ProcessSnapshot{
					PID: 1018653, State: "ready", Generation: 7, Requests: 128, Processed: 12345678,
					Started: noon.Add(-time.Hour),
				}, CPU: 187.6, Memory: 1400 << 20},
			},
		}},
	}
}

// resisting is the same after a deployment of code that throws at boot.
func resisting() Document {
	d := document()
	blog := &d.Apps[0]
	good, retry := blog.Release, noon.Add(8*time.Second)
	blog.Condition, blog.Generation, blog.Queue = pool.Resisting, 8, 3
	blog.Release.Path, blog.Release.Revision = "/var/www/blog/releases/42", ""
	blog.LastGood, blog.RetryAt = &good, &retry
	blog.Failure = &pool.Failure{
		At: noon.Add(-time.Minute), Generation: 8, ErrorID: "e5a1", Reason: "the child exited with status 1",
		Output: []string{"app.js:3", "  throw new Error('\x1b[2Jbroken')", "\t^"},
	}
	return d
}

func golden(t *testing.T, name string, d Document, color bool) {
	t.Helper()
	var got bytes.Buffer
	if err := WriteText(&got, d, color); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the text differs from %s (-want +got):\n%s", path, diff)
	}
}

func TestWhatIsPrintedIsOneLineWithoutControlCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"a.toml:1: is 5\na.toml:2: is 6\n": "a.toml:1: is 5; a.toml:2: is 6",
		"a\tb\x1b[31mc\r\u0085":            "a b\ufffd[31mc\ufffd\ufffd",
		"\n":                               "",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}
